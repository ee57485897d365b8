package telemetry_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"recount/internal/certificate/certificatetest"
	"recount/internal/telemetry"
)

const secret = "0123456789abcdef0123456789abcdef"

func tokenFile(t *testing.T, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := errors.Join(os.WriteFile(path, []byte(content), 0o600), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
	return path
}

// serve runs a telemetry at e and returns a function that asks it.
func serve(t *testing.T, e telemetry.Endpoint) func(path, bearer string) (int, string) {
	t.Helper()
	tel := telemetry.New("test")
	tel.AddReady("aggregator bank", func() error { return errors.New("catching up") })
	s, err := tel.Listen(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if _, err := client.Get("http://" + s.Addr() + "/healthz"); err == nil {
			t.Error("it still answers after its end")
		}
	})
	return func(path, bearer string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addr()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if bearer != "" {
			req.Header.Set("Authorization", "Bearer "+bearer)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
}

func TestServeOnLoopback(t *testing.T) {
	t.Parallel()
	ask := serve(t, telemetry.Endpoint{Address: "127.0.0.1:0"})
	if status, body := ask("/metrics", ""); status != http.StatusOK || !strings.Contains(body, "\nrecount_build_info{") || !strings.Contains(body, "\ngo_goroutines ") {
		t.Errorf("/metrics: %d %.300s", status, body)
	}
	if status, body := ask("/readyz", ""); status != http.StatusServiceUnavailable || !strings.Contains(body, "catching up") {
		t.Errorf("/readyz: %d %s", status, body)
	}
	if status, _ := ask("/other", ""); status != http.StatusNotFound {
		t.Errorf("/other: %d", status)
	}
}

func TestAnotherAddressNeedsAToken(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0"} {
		s, err := telemetry.New("test").Listen(t.Context(), telemetry.Endpoint{Address: address})
		if err == nil {
			t.Errorf("%s is open to all", address)
			s.Close()
		} else if !strings.Contains(err.Error(), "--telemetry-token") {
			t.Errorf("%s: %v", address, err)
		}
	}
	ask := serve(t, telemetry.Endpoint{Address: "0.0.0.0:0", TokenFile: tokenFile(t, secret+"\n", 0o600)})
	for _, c := range []struct {
		path, bearer string
		status       int
		reasons      bool
	}{
		{"/metrics", secret, http.StatusOK, false},
		{"/metrics", "", http.StatusUnauthorized, false},
		{"/metrics", secret[1:], http.StatusUnauthorized, false},
		{"/healthz", "", http.StatusOK, false},
		{"/readyz", "", http.StatusServiceUnavailable, false},
		{"/readyz", secret, http.StatusServiceUnavailable, true},
	} {
		status, body := ask(c.path, c.bearer)
		if status != c.status || strings.Contains(body, "catching up") != c.reasons {
			t.Errorf("%s with %q: %d %.200s", c.path, c.bearer, status, body)
		}
	}
}

func TestTokensThatAreNone(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{
		"missing":   filepath.Join(t.TempDir(), "none"),
		"short":     tokenFile(t, "abc", 0o600),
		"empty":     tokenFile(t, "\n", 0o600),
		"two words": tokenFile(t, secret+" "+secret, 0o600),
		"open":      tokenFile(t, secret, 0o602),
		"too long":  tokenFile(t, strings.Repeat("x", 5000), 0o600),
	} {
		s, err := telemetry.New("test").Listen(t.Context(), telemetry.Endpoint{Address: "127.0.0.1:0", TokenFile: path})
		if err == nil {
			s.Close()
			t.Errorf("%s: was taken", name)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error tells the secret: %v", name, err)
		}
	}
}

func TestNowhere(t *testing.T) {
	t.Parallel()
	s, err := telemetry.New("test").Listen(t.Context(), telemetry.Endpoint{})
	if err != nil || s.Addr() != "" {
		t.Fatal(s, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
}

func TestAnAddressInUseSaysWhatToDo(t *testing.T) {
	t.Parallel()
	tel := telemetry.New("test")
	first, err := tel.Listen(t.Context(), telemetry.Endpoint{Address: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := tel.Listen(t.Context(), telemetry.Endpoint{Address: first.Addr()}); err == nil || !strings.Contains(err.Error(), "--telemetry-addr") {
		t.Errorf("%v", err)
	}
}

// TestServeOverTLS shows what there is over TLS alone, the token still being asked for.
func TestServeOverTLS(t *testing.T) {
	t.Parallel()
	f := certificatetest.New(t, 1)
	tel := telemetry.New("test")
	s, err := tel.Listen(t.Context(), telemetry.Endpoint{Address: "127.0.0.1:0", TokenFile: tokenFile(t, secret, 0o600), Certificate: f})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	certificatetest.Listens(t, "https://"+s.Addr()+"/healthz", f)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: certificatetest.Trust(t, f)}}}
	for bearer, status := range map[string]int{secret: http.StatusOK, "": http.StatusUnauthorized} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+s.Addr()+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+bearer)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != status {
			t.Errorf("/metrics with the token %q: %d, %v", bearer, resp.StatusCode, err)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	f.Key = f.Cert
	if _, err := tel.Listen(t.Context(), telemetry.Endpoint{Address: "127.0.0.1:0", Certificate: f}); err == nil || !strings.Contains(err.Error(), "--telemetry-cert") {
		t.Errorf("the certificate in the place of its key: %v", err)
	}
}
