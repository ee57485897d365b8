package role

import (
	"encoding/pem"
	"log/slog"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"recount/internal/certificate/certificatetest"
)

// TestARegistryMustProveWhoItIs puts TLS before a registry.
func TestARegistryMustProveWhoItIs(t *testing.T) {
	t.Parallel()
	s := services(t, false)
	plain, err := url.Parse(s.Registry)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(plain))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelWarn) // of those who do not trust it
	server.StartTLS()
	t.Cleanup(server.Close)
	s.Registry = server.URL
	trusted := filepath.Join(t.TempDir(), "trusted.pem")
	if err := os.WriteFile(trusted, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	another := certificatetest.New(t, 1)
	for file, says := range map[string]string{"": "certificate", another.Cert: "certificate", another.Key: "--registry-ca", trusted + "x": "--registry-ca"} {
		s.RegistryCA = file
		f, err := Lay(t.Context(), surroundings(s))
		if err == nil {
			t.Errorf("trusting %q, the registry is believed: %v", file, f.Close())
		} else if !strings.Contains(err.Error(), says) {
			t.Errorf("trusting %q: %v", file, err)
		}
	}
	s.RegistryCA = trusted
	if f := lay(t, s); f.Codec == nil {
		t.Error("there is no codec")
	}
}
