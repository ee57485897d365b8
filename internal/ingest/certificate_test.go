package ingest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// issue writes a certificate for the loopback address that vouches for itself, and its key, over what was there.
func issue(t *testing.T, c Certificate, number int64) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(number), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{c.CertFile: {Type: "CERTIFICATE", Bytes: der}, c.KeyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(cert)
	return pool
}

// fetch asks for url on a connection of its own, and returns the number of the certificate it was shown.
func fetch(t *testing.T, url string, config *tls.Config) (status int, number int64, err error) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	answer, err := client.Get(url)
	if err != nil {
		return 0, 0, err
	}
	defer answer.Body.Close() //nolint:errcheck // it was read
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return 0, 0, err
	}
	if answer.TLS != nil {
		number = answer.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	return answer.StatusCode, number, nil
}

// TestHTTPS serves over TLS, to who trusts the certificate, and with the one that lies there now.
func TestHTTPS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := Certificate{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	pool := issue(t, c, 1)
	address := startServer(t, newBank(t), func(cfg *Config) { cfg.Certificate = c }).address + "/openapi.json"

	if status, number, err := fetch(t, "https://"+address, &tls.Config{RootCAs: pool}); err != nil || status != http.StatusOK || number != 1 {
		t.Errorf("status %d, certificate %d, %v", status, number, err)
	}
	if _, _, err := fetch(t, "https://"+address, nil); err == nil {
		t.Error("who does not trust the certificate talks to it")
	}
	if _, _, err := fetch(t, "https://"+address, &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	if status, _, err := fetch(t, "http://"+address, nil); err == nil && status == http.StatusOK {
		t.Error("plain HTTP is answered")
	}
	pool = issue(t, c, 2)
	if status, number, err := fetch(t, "https://"+address, &tls.Config{RootCAs: pool}); err != nil || status != http.StatusOK || number != 2 {
		t.Errorf("after the certificate was replaced: status %d, certificate %d, %v", status, number, err)
	}
}

// TestCertificatesThatAreNone are told of before anybody is served.
func TestCertificatesThatAreNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := Certificate{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	other := Certificate{filepath.Join(dir, "other.pem"), filepath.Join(dir, "other.key")}
	issue(t, good, 1)
	issue(t, other, 2)
	for name, c := range map[string]Certificate{
		"a missing file": {good.CertFile, filepath.Join(dir, "none")},
		"another's key":  {good.CertFile, other.KeyFile},
		"no certificate": {good.KeyFile, good.KeyFile},
	} {
		if _, err := Listen(t.Context(), nil, "127.0.0.1:0", c); err == nil || !strings.Contains(err.Error(), "--http-cert") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, c := range []Certificate{{CertFile: "a"}, {KeyFile: "a"}} {
		if err := c.Validate(); err == nil {
			t.Errorf("%+v is valid", c)
		}
	}
	if err := good.Validate(); err != nil || good.Scheme() != "https" || (Certificate{}).Scheme() != "http" {
		t.Errorf("%v, %s, %s", err, good.Scheme(), Certificate{}.Scheme())
	}
}
