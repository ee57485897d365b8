package ingest

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func someTokens(t *testing.T) *Tokens {
	t.Helper()
	tokens, err := ParseTokens(strings.NewReader("alice:" + sum("secret")))
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func TestOnlyLoopbackIsServedWithoutTokens(t *testing.T) {
	t.Parallel()
	open := newServer(t, newBank(t))
	guarded := newServer(t, newBank(t), func(c *Config) { c.Tokens = someTokens(t) })
	for address, loopback := range map[string]bool{
		"127.0.0.1:0": true, "localhost:0": true, "127.8.8.8:0": true, "[::1]:0": true,
		":0": false, "0.0.0.0:0": false, "[::]:0": false,
	} {
		ln, err := open.Listen(t.Context(), address)
		if loopback && err != nil && strings.Contains(address, "[::1]") {
			continue // a machine without IPv6
		}
		if loopback != (err == nil) {
			t.Errorf("%s without tokens: %v", address, err)
		}
		if err == nil {
			closeListener(t, ln)
		} else if !strings.Contains(err.Error(), "--tokens") {
			t.Errorf("%s: the error does not say what to do: %v", address, err)
		}
		if ln, err = guarded.Listen(t.Context(), address); err == nil {
			closeListener(t, ln)
		} else if !strings.Contains(address, "::") {
			t.Errorf("%s with tokens: %v", address, err)
		}
	}
	if _, err := open.Listen(t.Context(), "nowhere"); err == nil {
		t.Error("an address without a port was taken")
	}
}

func closeListener(t *testing.T, ln net.Listener) {
	t.Helper()
	if err := ln.Close(); err != nil {
		t.Error(err)
	}
}

// A listener that somebody else opened is looked at, too.
func TestServeRefusesAListenerThatOthersCanReach(t *testing.T) {
	t.Parallel()
	s := newServer(t, newBank(t), func(c *Config) { c.Replies = nil })
	ln, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := s.Serve(ctx, ln); err == nil || !strings.Contains(err.Error(), "without authentication") {
		t.Fatalf("Serve: %v", err)
	}
	if _, err := ln.Accept(); err == nil {
		t.Error("the listener was left open")
	}
}

func TestASocketInTheFileSystemIsNotForOthers(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer closeListener(t, ln)
	if err := mayListen(nil, ln.Addr()); err != nil {
		t.Error(err)
	}
}

// A web page that has its own name resolve to 127.0.0.1 must not send commands from a browser on this machine.
func TestWithoutTokensTheHostMustBeLocal(t *testing.T) {
	t.Parallel()
	open := newServer(t, newBank(t))
	guarded := newServer(t, newBank(t), func(c *Config) { c.Tokens = someTokens(t) })
	for host, local := range map[string]bool{
		"localhost": true, "LOCALHOST:8080": true, "127.0.0.1:1": true, "[::1]:8080": true, "[::1]": true, "recount.localhost": true, "localhost.": true,
		"evil.example": false, "evil.example:8080": false, "localhost.evil.example": false, "10.0.0.1": false, "": false, "notlocalhost": false,
	} {
		r := post("/v1/bank/account/a/open", openAccount).request()
		r.Host = host
		w := want{status: http.StatusForbidden, code: CodeForbiddenHost}
		if local {
			w = want{status: http.StatusAccepted}
		}
		serve(t, open, r).check(t, w)

		r = post("/v1/bank/account/a/open", openAccount, "Authorization", "Bearer secret").request()
		r.Host = host
		serve(t, guarded, r).check(t, want{status: http.StatusAccepted})
	}
}

// The handler may stand behind a listener that Serve never saw.
func TestWithoutTokensTheConnectionMustBeLocal(t *testing.T) {
	t.Parallel()
	s := newServer(t, newBank(t))
	for address, status := range map[string]int{"127.0.0.1": http.StatusAccepted, "192.0.2.1": http.StatusForbidden} {
		r := post("/v1/bank/account/a/open", openAccount).request()
		local := &net.TCPAddr{IP: net.ParseIP(address), Port: 8080}
		serve(t, s, r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(local)))).check(t, want{status: status})
	}
}
