package certificate

import (
	"crypto/x509"
	"fmt"
	"os"
)

// Authorities are those whose signature on a server's certificate is trusted: the certificates (PEM) in file, or, if it is
// empty, those that the system trusts, which is nil.
func Authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading whom to trust: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("there is no certificate in %s: it must be PEM", file)
	}
	return pool, nil
}
