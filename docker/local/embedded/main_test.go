package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"recount/internal/embedded/embeddedtest"
)

// TestTheRegistryAnswersUnderAnotherName: the embedded one alone refuses whoever comes for another host.
func TestTheRegistryAnswersUnderAnotherName(t *testing.T) {
	t.Parallel()
	registry := embeddedtest.Registry(t)
	handler, err := forward(registry.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(handler)
	t.Cleanup(proxy.Close)
	for _, at := range []struct {
		url, origin string
		status      int
	}{
		{proxy.URL, "", http.StatusOK},
		{registry.URL(), "", http.StatusForbidden}, // the control
		{proxy.URL, "http://elsewhere.example", http.StatusForbidden},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at.url+"/subjects", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "registry:8081"
		if at.origin != "" {
			req.Header.Set("Origin", at.origin)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.Body.Close() != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != at.status {
			t.Errorf("%s, origin %q: %s %s", at.url, at.origin, resp.Status, strings.TrimSpace(string(body)))
		}
	}
	if err := run(t.Context(), []string{"redis", "127.0.0.1:0", t.TempDir()}); err == nil {
		t.Error("an unknown service was started")
	}
}
