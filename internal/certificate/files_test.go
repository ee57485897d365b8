package certificate_test

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"recount/internal/certificate"
	"recount/internal/certificate/certificatetest"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// TestOver serves over TLS, to who trusts the certificate, and with the one that lies there now.
func TestOver(t *testing.T) {
	t.Parallel()
	f := certificatetest.New(t, 1)
	ln, err := f.Over(listen(t))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{
		Handler:  http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	certificatetest.Listens(t, "https://"+ln.Addr().String(), f)
	if err := errors.Join(server.Close(), <-served); !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

func TestWithoutACertificateNothingIsEncrypted(t *testing.T) {
	t.Parallel()
	plain := listen(t)
	defer plain.Close()
	if ln, err := (certificate.Files{}).Over(plain); ln != plain || err != nil {
		t.Errorf("%v, %v", ln, err)
	}
	if s, p := (certificate.Files{Cert: "c", Key: "k"}).Scheme(), (certificate.Files{}).Scheme(); s != "https" || p != "http" {
		t.Errorf("%s, %s", s, p)
	}
}

// TestFilesThatAreNone are told of before anybody is served, and nothing goes on listening.
func TestFilesThatAreNone(t *testing.T) {
	t.Parallel()
	good, other := certificatetest.New(t, 1), certificatetest.New(t, 2)
	for name, f := range map[string]certificate.Files{
		"a missing file": {Cert: good.Cert, Key: filepath.Join(t.TempDir(), "none")},
		"another's key":  {Cert: good.Cert, Key: other.Key},
		"no certificate": {Cert: good.Key, Key: good.Key},
	} {
		ln := listen(t)
		if _, err := f.Over(ln); err == nil || !strings.Contains(err.Error(), f.Cert) || !strings.Contains(err.Error(), f.Key) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: it still listens: %v", name, err)
		}
	}
}

func TestAuthoritiesThatAreNone(t *testing.T) {
	t.Parallel()
	if pool, err := certificate.Authorities(""); pool != nil || err != nil {
		t.Errorf("the system's: %v, %v", pool, err)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{empty, empty + ".none"} {
		if _, err := certificate.Authorities(file); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", file, err)
		}
	}
}
