package telemetry

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
)

// token is the sum of the secret that lets a scraper in; the secret itself is not kept.
type token [sha256.Size]byte

const (
	tokenBytesMin  = 16
	tokenBytesMax  = 4 << 10
	tokenWriteable = 0o002
)

// readToken reads the file at path: the token alone, as Prometheus' credentials_file has it.
func readToken(path string) (*token, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading the telemetry token: %w", err)
	}
	if info.Mode().Perm()&tokenWriteable != 0 {
		return nil, fmt.Errorf("the telemetry token %s may be written by anybody, who could let themselves in: chmod 600 %s", path, path)
	}
	if info.Size() > tokenBytesMax {
		return nil, fmt.Errorf("the telemetry token %s has %d bytes: is it the right file?", path, info.Size())
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the telemetry token: %w", err)
	}
	secret := strings.TrimSpace(string(raw))
	if len(secret) < tokenBytesMin || strings.ContainsAny(secret, " \t\r\n") {
		return nil, fmt.Errorf("the telemetry token %s must be one word of at least %d bytes: openssl rand -hex 32 > %s", path, tokenBytesMin, path)
	}
	t := token(sha256.Sum256([]byte(secret)))
	return &t, nil
}

// shown says whether r bears the token. Sums are compared, in constant time: an answer's time tells nothing of a guess.
func (t *token) shown(r *http.Request) bool {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	sum := sha256.Sum256([]byte(strings.TrimSpace(secret)))
	return subtle.ConstantTimeCompare(sum[:], t[:]) == 1 && strings.EqualFold(scheme, "Bearer")
}

type strangerKey struct{}

func isStranger(ctx context.Context) bool {
	stranger, _ := ctx.Value(strangerKey{}).(bool)
	return stranger
}

// asStranger has next tell no more than a stranger may know.
func asStranger(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), strangerKey{}, true)))
	})
}

// guard lets those without the token ask no more than whether the process is alive and ready: probes have no token, and
// the answers tell nothing else.
func (t *token) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case t.shown(r):
			next.ServeHTTP(w, r)
		case r.URL.Path == "/healthz" || r.URL.Path == "/readyz":
			asStranger(next).ServeHTTP(w, r)
		default:
			w.Header().Set("WWW-Authenticate", `Bearer realm="recount"`)
			http.Error(w, "a bearer token is needed: Authorization: Bearer TOKEN", http.StatusUnauthorized)
		}
	})
}

var errNoToken = errors.New("without a token anybody who reaches it could read the metrics: give --telemetry-token FILE, or listen on 127.0.0.1")
