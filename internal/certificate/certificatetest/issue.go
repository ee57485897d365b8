// Package certificatetest makes certificates for tests. Nobody but the test that made one trusts it.
package certificatetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"recount/internal/certificate"
)

// New names files in a folder that is removed after the test, and issues a certificate into them.
func New(t testing.TB, number int64, hosts ...string) certificate.Files {
	t.Helper()
	dir := t.TempDir()
	f := certificate.Files{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	Issue(t, f, number, hosts...)
	return f
}

// Issue writes a certificate that vouches for itself, and its key, over what was there. It is good for an hour, for the
// loopback address and for hosts.
func Issue(t testing.TB, f certificate.Files, number int64, hosts ...string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(number), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: hosts,
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
	for path, block := range map[string]*pem.Block{f.Cert: {Type: "CERTIFICATE", Bytes: der}, f.Key: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Trust are those whom the issuer of f's certificate is one of.
func Trust(t testing.TB, f certificate.Files) *x509.CertPool {
	t.Helper()
	pool, err := certificate.Authorities(f.Cert)
	if err != nil {
		t.Fatal(err)
	}
	return pool
}
