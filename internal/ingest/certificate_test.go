package ingest

import (
	"strings"
	"testing"

	"recount/internal/certificate"
	"recount/internal/certificate/certificatetest"
)

// TestHTTPS takes commands over TLS.
func TestHTTPS(t *testing.T) {
	t.Parallel()
	f := certificatetest.New(t, 1)
	address := startServer(t, newBank(t), func(cfg *Config) { cfg.Certificate = f }).address
	certificatetest.Listens(t, "https://"+address+"/openapi.json", f)
	f.Key = f.Cert
	if _, err := Listen(t.Context(), nil, "127.0.0.1:0", f); err == nil || !strings.Contains(err.Error(), "--http-cert") {
		t.Errorf("the certificate in the place of its key: %v", err)
	}
	if ln, err := Listen(t.Context(), nil, "127.0.0.1:0", certificate.Files{}); err != nil {
		t.Error("the control: without a certificate there is plain HTTP", err)
	} else if err := ln.Close(); err != nil {
		t.Error(err)
	}
}
