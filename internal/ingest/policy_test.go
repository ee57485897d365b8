package ingest

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"recount/internal/serde"
)

func parsePolicy(t *testing.T, text string) *Policy {
	t.Helper()
	p, err := ParsePolicy(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func fourTokens(t *testing.T) *Tokens {
	t.Helper()
	tokens, err := ParseTokens(strings.NewReader("root:" + sum("r") + "\nteller:" + sum("t") + "\nauditor:" + sum("a") + "\nforgotten:" + sum("f")))
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// TestAPolicyDeniesWhatItDoesNotGrant: the same requests without one are all let through, which shows that it is the policy
// that turns them away.
func TestAPolicyDeniesWhatItDoesNotGrant(t *testing.T) {
	t.Parallel()
	policy := parsePolicy(t, "# who may what\nroot: */*/*\n\n teller : bank/account/deposit  bank/account/open\nauditor:\n")
	b, everybody := newBank(t), newBank(t)
	guarded := newServer(t, b, func(c *Config) { c.Tokens, c.Policy = fourTokens(t), policy })
	unguarded := newServer(t, everybody, func(c *Config) { c.Tokens = fourTokens(t) })
	const freeze, opening = "/v1/bank/account/a/freeze", "/v1/bank/account/a/open"
	for _, c := range []struct {
		token, path, body string
		allowed           bool
	}{
		{"r", opening, openAccount, true},
		{"r", freeze, `{"reason":"r"}`, true},
		{"t", opening, openAccount, true},
		{"t", freeze, `{"reason":"r"}`, false},
		{"a", opening, openAccount, false},
		{"f", opening, openAccount, false},
	} {
		request := func() call { return post(c.path, c.body, "Authorization", "Bearer "+c.token) }
		expected := want{status: http.StatusAccepted}
		if !c.allowed {
			expected = want{status: http.StatusForbidden, code: CodeForbidden}
		}
		request().do(t, guarded).check(t, expected)
		request().do(t, unguarded).check(t, want{status: http.StatusAccepted})
	}
	if got, all := len(b.commands()), len(everybody.commands()); got != 3 || all != 6 {
		t.Errorf("%d commands were published with the policy and %d without", got, all)
	}
}

func TestPoliciesThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, says string }{
		"no colon":         {"root */*/*", "line 1"},
		"no name":          {"root:\n: */*/*", "line 2"},
		"a name twice":     {"root:\nroot: */*/*", "has line 1 already"},
		"too short":        {"root: bank/account", `"bank/account" is not`},
		"too long":         {"root: bank/account/a/open", "is not context/aggregate/command"},
		"an empty part":    {"root: bank//open", "is not context/aggregate/command"},
		"nobody's name":    {"mallory: */*/*", `no token bears the name "mallory"`},
		"no such command":  {"root: bank/account/opn", "takes no command bank/account/opn"},
		"half a wild card": {"root: bank/acc*/open", "takes no command"},
	} {
		p, err := ParsePolicy(strings.NewReader(c.text))
		if err == nil {
			b := newBank(t)
			_, err = NewServer(Config{
				Codec: b.codec, Contexts: []string{"bank"}, Partitions: testPartitions, Publisher: b, Replies: b,
				Tokens: fourTokens(t), Policy: p,
			})
		}
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

func TestAPolicyFileThatAnybodyMayWriteIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "policy")
	if err := os.WriteFile(path, []byte("root: */*/*"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadPolicy(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o602); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadPolicy(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("got %v", err)
	}
}

// TestThePolicyOfTheManifestsGrantsNothing reads the one that people start from.
func TestThePolicyOfTheManifestsGrantsNothing(t *testing.T) {
	t.Parallel()
	p, err := ReadPolicy("../../docker/kubernetes/components/policy/policy")
	if err != nil {
		t.Fatal(err)
	}
	deposit := commandInfo{CommandInfo: serde.CommandInfo{Context: "bank", Aggregate: "account", Name: "deposit"}}
	if p.permit("importer", deposit) == nil || (*Policy)(nil).permit("importer", deposit) != nil {
		t.Error("somebody may send something, or without a policy somebody may not")
	}
	raw, err := os.ReadFile("../../docker/kubernetes/components/policy/policy")
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := ParsePolicy(strings.NewReader(strings.ReplaceAll(string(raw), "\n#   ", "\n")))
	if err != nil || chosen.permit("importer", deposit) != nil || chosen.permit("teller", deposit) != nil || chosen.permit("warehouse", deposit) == nil {
		t.Errorf("its lines, once somebody takes them, do not say what they seem to: %v", err)
	}
}
