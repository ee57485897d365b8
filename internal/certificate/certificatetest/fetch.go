package certificatetest

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"recount/internal/certificate"
)

// Listens holds a listener that has f's certificate to what every one of ours promises: who trusts the certificate is
// served; who does not, speaks nothing newer than TLS 1.1, or does not encrypt is not; and a certificate that is replaced is
// what the next connection is shown. What is asked for at url, an https one, must be there.
func Listens(t testing.TB, url string, f certificate.Files) {
	t.Helper()
	Issue(t, f, 1)
	if status, number, err := fetch(url, &tls.Config{RootCAs: Trust(t, f)}); err != nil || status != http.StatusOK || number != 1 {
		t.Errorf("status %d, certificate %d, %v", status, number, err)
	}
	if _, _, err := fetch(url, nil); err == nil {
		t.Error("who does not trust the certificate talks to it")
	}
	if _, _, err := fetch(url, &tls.Config{RootCAs: Trust(t, f), MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	if status, _, err := fetch(strings.Replace(url, "https:", "http:", 1), nil); err == nil && status == http.StatusOK {
		t.Error("plain HTTP is answered")
	}
	Issue(t, f, 2)
	if status, number, err := fetch(url, &tls.Config{RootCAs: Trust(t, f)}); err != nil || status != http.StatusOK || number != 2 {
		t.Errorf("after the certificate was replaced: status %d, certificate %d, %v", status, number, err)
	}
}

// fetch asks for url on a connection of its own, and returns the number of the certificate that it was shown; 0: none.
func fetch(url string, config *tls.Config) (status int, number int64, err error) {
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: time.Minute}
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
