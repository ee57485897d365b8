package certificate

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
)

// Files are what a listener shows those who connect, so that what they send is encrypted and they know whom they send it
// to. The zero value shows nothing: plain HTTP.
type Files struct {
	// Cert has the certificate, and those that lead to an authority; Key its key. Both are PEM.
	Cert, Key string
}

// Scheme is what URLs to the listener begin with.
func (f Files) Scheme() string {
	if f.Cert == "" {
		return "http"
	}
	return "https"
}

// Over returns ln, encrypted if there is a certificate. Files that are no good are told of now, and ln is closed then. They
// are read again for each connection, so that a certificate can be replaced while this process runs; one that can't be read
// then costs the connection, and the server's log says so.
func (f Files) Over(ln net.Listener) (net.Listener, error) {
	if f.Cert == "" {
		return ln, nil
	}
	if _, err := f.read(nil); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return tls.NewListener(ln, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: f.read, NextProtos: []string{"h2", "http/1.1"}}), nil
}

func (f Files) read(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, fmt.Errorf("the certificate %s with the key %s: %w", f.Cert, f.Key, err)
	}
	return &pair, nil
}
