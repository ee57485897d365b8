package ingest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestTheGuardLetsThoseInWhoMaySendCommands(t *testing.T) {
	t.Parallel()
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "the books") })
	basic := func(password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth("whoever", password) }
	}
	bearer := func(given string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", given) }
	}
	tokens := someTokens(t)
	for name, tc := range map[string]struct {
		tokens *Tokens
		host   string
		shows  func(*http.Request)
		status int
	}{
		"this machine":                      {nil, "localhost:8080", nil, http.StatusOK},
		"a name that points here":           {nil, "evil.example:8080", nil, http.StatusForbidden},
		"a bearer token":                    {tokens, "recount.example", bearer("Bearer secret"), http.StatusOK},
		"a browser's password":              {tokens, "recount.example", basic("secret"), http.StatusOK},
		"another password":                  {tokens, "recount.example", basic("secrets"), http.StatusUnauthorized},
		"no password":                       {tokens, "recount.example", basic(""), http.StatusUnauthorized},
		"a password's sum":                  {tokens, "recount.example", basic(sum("secret")), http.StatusUnauthorized},
		"nothing":                           {tokens, "recount.example", nil, http.StatusUnauthorized},
		"this machine, where a token is on": {tokens, "localhost:8080", nil, http.StatusUnauthorized},
		"a password where no token is on":   {nil, "evil.example", basic("secret"), http.StatusForbidden},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/console", nil)
		if r.Host = tc.host; tc.shows != nil {
			tc.shows(r)
		}
		answer := httptest.NewRecorder()
		Guard(tc.tokens, page).ServeHTTP(answer, r)
		if answer.Code != tc.status || (answer.Body.String() == "the books") != (tc.status == http.StatusOK) {
			t.Errorf("%s: %d %s, want %d", name, answer.Code, answer.Body, tc.status)
		}
		asks := strings.Join(answer.Header().Values("WWW-Authenticate"), " ")
		if (tc.status == http.StatusUnauthorized) != (strings.Contains(asks, "Basic") && strings.Contains(asks, "Bearer")) {
			t.Errorf("%s: asked for %q", name, asks)
		}
	}
}

func TestARouteMayEndInASlash(t *testing.T) {
	t.Parallel()
	s := newServer(t, newBank(t), func(c *Config) {
		c.Routes = map[string]http.Handler{"/console/": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, http.StatusOK, "application/json", map[string]bool{"here": true})
		})}
	})
	get("/console/").do(t, s).check(t, want{status: http.StatusOK, says: "here"})
	get("/v1/bank/account/a/").do(t, s).check(t, want{status: http.StatusNotFound, code: CodeNotFound})
}
