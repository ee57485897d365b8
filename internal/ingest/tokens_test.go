package ingest

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func sum(token string) string {
	s := sha256.Sum256([]byte(token))
	return hex.EncodeToString(s[:])
}

func TestATokensNameBecomesTheActor(t *testing.T) {
	t.Parallel()
	tokens, err := ParseTokens(strings.NewReader("# who may\n\nalice:" + sum("secret-a") + "\n bob : " + strings.ToUpper(sum("secret-b")) + " \r\nalice:" + sum("next-a")))
	if err != nil {
		t.Fatal(err)
	}
	b := newBank(t)
	s := newServer(t, b, func(c *Config) { c.Tokens = tokens })
	for token, actor := range map[string]string{"secret-a": "alice", "secret-b": "bob", "next-a": "alice"} {
		c := post("/v1/bank/account/a/open", openAccount, "Authorization", "bearer "+token)
		c.do(t, s).check(t, want{status: http.StatusAccepted})
		if all := b.metas(); all[len(all)-1].Actor != actor {
			t.Errorf("%s sent as %q", actor, all[len(all)-1].Actor)
		}
	}
}

func TestWhoHasNoTokenIsTurnedAway(t *testing.T) {
	t.Parallel()
	tokens, err := ParseTokens(strings.NewReader("alice:" + sum("secret")))
	if err != nil {
		t.Fatal(err)
	}
	b := newBank(t)
	s := newServer(t, b, func(c *Config) { c.Tokens = tokens })
	for _, given := range []string{"", "Bearer", "Bearer ", "Bearer secre", "Bearer secrets", "Bearer SECRET", "Basic secret", "secret", "Bearer " + sum("secret"), "Bearer alice:secret"} {
		for _, c := range []call{
			post("/v1/bank/account/a/open", openAccount),
			get("/v1/bank/account/a/commands/k"),
			get("/v1/nothing/like/that/there"), // what there is is nobody else's business
		} {
			r := c.request()
			if given != "" {
				r.Header.Set("Authorization", given)
			}
			a := serve(t, s, r)
			a.check(t, want{status: http.StatusUnauthorized, code: CodeUnauthenticated})
			if !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("WWW-Authenticate is %q", a.header.Get("WWW-Authenticate"))
			}
		}
	}
	r := post("/v1/bank/account/a/open", openAccount).request()
	r.Header["Authorization"] = []string{"Bearer secret", "Bearer other"}
	serve(t, s, r).check(t, want{status: http.StatusUnauthorized})
	if n := len(b.commands()); n != 0 {
		t.Errorf("%d commands were published", n)
	}
}

func TestTokenFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	const secret = "a-token-in-clear"
	for name, c := range map[string]struct{ text, says string }{
		"empty":               {"", "no token"},
		"only comments":       {"# alice:" + sum("x"), "no token"},
		"no colon":            {secret, "line 1"},
		"in clear":            {"# names\nalice:" + secret, "line 2"},
		"too short":           {"alice:" + sum("x")[2:], "64 digits"},
		"no name":             {":" + sum("x"), "the name"},
		"control in name":     {"a\tb:" + sum("x"), "the name"},
		"the anonymous":       {"anonymous:" + sum("x"), "the name"},
		"one token two names": {"alice:" + sum("x") + "\nbob:" + sum("x"), "the same token"},
	} {
		_, err := ParseTokens(strings.NewReader(c.text))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error repeats the token: %v", name, err)
		}
	}
}

func TestTheTokenFilesModeMatters(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(path, []byte("alice:"+sum("x")), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode]struct{ refused, warned bool }{
		0o600: {}, 0o640: {}, 0o644: {warned: true}, 0o602: {refused: true}, 0o666: {refused: true},
	} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		_, err := ReadTokens(path, slog.New(slog.NewTextHandler(&log, nil)))
		if (err != nil) != want.refused || strings.Contains(log.String(), "chmod") != want.warned {
			t.Errorf("%v: error %v, log %q", mode, err, log.String())
		}
	}
	if _, err := ReadTokens(path+".not", slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a file that is not there was read")
	}
}
