package ingest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
)

// Certificate is what a listener shows those who connect, so that what they send is encrypted and they know whom they
// send it to. The zero value shows none: plain HTTP.
type Certificate struct {
	// CertFile has the certificate, and those that lead to an authority; KeyFile its key. Both are PEM.
	CertFile, KeyFile string
}

// Validate returns what is wrong with the names, in terms of the flags that set them. It reads no file.
func (c Certificate) Validate() error {
	if (c.CertFile == "") != (c.KeyFile == "") {
		return errors.New("--http-cert and --http-key belong together: one is missing")
	}
	return nil
}

// Scheme is what URLs to the listener begin with.
func (c Certificate) Scheme() string {
	if c.CertFile == "" {
		return "http"
	}
	return "https"
}

// over returns ln, encrypted if there is a certificate. Files that are no good are told of now. They are read again for
// each connection, so that a certificate can be replaced while this process runs; one that can't be read then costs the
// connection, and the log says so.
func (c Certificate) over(ln net.Listener) (net.Listener, error) {
	if c.CertFile == "" {
		return ln, nil
	}
	if _, err := c.read(nil); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return tls.NewListener(ln, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.read, NextProtos: []string{"h2", "http/1.1"}}), nil
}

func (c Certificate) read(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("ingest: --http-cert, --http-key: %w", err)
	}
	return &pair, nil
}
