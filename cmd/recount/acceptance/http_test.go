package acceptance_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// answer is what the API answered.
type answer struct {
	status int
	header http.Header
	body   map[string]any
}

// send makes a request; headers come in pairs of name and value.
func (w *whole) send(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.HTTP()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: response.StatusCode, header: response.Header}
	if strings.Contains(response.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(text, &a.body); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
	return a
}

// command sends a command to an account and waits for its outcome.
func (w *whole) command(t *testing.T, account, command, body string, headers ...string) answer {
	t.Helper()
	return w.send(t, http.MethodPost, "/v1/bank/account/"+account+"/"+command, body, append(headers, "Prefer", "wait=20")...)
}

// expect demands a status and some of the body's members, given in pairs.
func (a answer) expect(t *testing.T, what string, status int, members ...any) {
	t.Helper()
	wrong := a.status != status
	for i := 0; i < len(members); i += 2 {
		wrong = wrong || !reflect.DeepEqual(a.body[members[i].(string)], members[i+1])
	}
	if wrong {
		t.Errorf("%s: %d %v, want %d with %v", what, a.status, a.body, status, members)
	}
}

// commandOverHTTP follows commands from a caller to the views and back.
func commandOverHTTP(t *testing.T, w *whole) {
	const id = "http-1"
	const fifty = `{"amount":5000,"currency":"EUR","reference":"salary"}`
	w.command(t, id, "open", `{"customer_id":"ada","currency":"EUR"}`).expect(t, "opened", 200, "outcome", "accepted", "version", 1.0)

	first := w.command(t, id, "deposit", fifty, "Idempotency-Key", "salary-1")
	first.expect(t, "deposited", 200, "outcome", "accepted", "version", 2.0, "command_id", "salary-1", "command", "bank.account.deposit")
	if tag := first.header.Get("ETag"); tag != `"2"` {
		t.Errorf("the entity tag is %s", tag)
	}
	position, _ := first.body["position"].(string)
	if !regexp.MustCompile(`^bank/\d+@\d+$`).MatchString(position) {
		t.Errorf("the position is %q", position)
	}
	w.command(t, id, "deposit", fifty, "Idempotency-Key", "salary-1").
		expect(t, "repeated", 200, "outcome", "accepted", "version", 2.0, "duplicate", true)
	w.command(t, id, "deposit", `{"amount":1,"currency":"EUR"}`, "Idempotency-Key", "salary-1").
		expect(t, "the ID of another command", 422, "code", "command-id-reused")
	w.command(t, id, "deposit", fifty, "If-Match", `"7"`).expect(t, "a version to come", 412, "code", "version-conflict", "version", 2.0)
	w.command(t, id, "deposit", fifty, "If-Match", `"2"`).expect(t, "the version", 200, "version", 3.0)
	w.command(t, id, "withdraw", `{"amount":999999,"currency":"EUR"}`, "Idempotency-Key", "car").
		expect(t, "too much", 409, "code", "account/insufficient-funds", "outcome", "refused")

	w.outcomesFromViews(t, id, first)
	eventuallyCounts(t, w.db, 10_000, "SELECT balance FROM account_balances WHERE account_id = ?", id)
	eventuallyCounts(t, w.db, 5, "SELECT count() FROM account_history WHERE account_id = ?", id)
	if at := queryText(t, w, "SELECT position FROM events WHERE command_id = 'salary-1' AND aggregate_id = ?", id); at != position {
		t.Errorf("the views have the event at %q, the caller was told %q", at, position)
	}
	w.describesItself(t)
}

// outcomesFromViews asks for commands by their addresses.
func (w *whole) outcomesFromViews(t *testing.T, id string, first answer) {
	t.Helper()
	address := "/v1/bank/account/" + id + "/commands/"
	w.send(t, http.MethodGet, address+"never-sent", "").expect(t, "never sent", 404, "code", "outcome-unknown")

	sent := w.send(t, http.MethodPost, "/v1/bank/account/"+id+"/freeze", `{"reason":"holiday"}`, "Idempotency-Key", "freeze-1")
	sent.expect(t, "not waited for", 202, "command_id", "freeze-1")
	if at := sent.header.Get("Location"); at != address+"freeze-1" {
		t.Fatalf("the location is %q", at)
	}
	w.eventuallyKnown(t, sent.header.Get("Location")).expect(t, "what became of it", 200, "outcome", "accepted", "version", 4.0)

	found := w.eventuallyKnown(t, address+"salary-1")
	for _, member := range []string{"outcome", "version", "position", "command_id", "events"} {
		if !reflect.DeepEqual(found.body[member], first.body[member]) {
			t.Errorf("%s: the views say %v, the reply said %v", member, found.body[member], first.body[member])
		}
	}
	w.eventuallyKnown(t, address+"car").expect(t, "a refusal", 200, "outcome", "refused", "code", "account/insufficient-funds")
	w.command(t, id, "unfreeze", `{}`).expect(t, "unfrozen", 200, "version", 5.0)
}

func (w *whole) eventuallyKnown(t *testing.T, address string) (a answer) {
	t.Helper()
	eventually(t, address, func() error {
		if a = w.send(t, http.MethodGet, address, ""); a.status == http.StatusNotFound {
			return fmt.Errorf("not known yet: %v", a.body)
		}
		return nil
	})
	return a
}

func queryText(t *testing.T, w *whole, query string, args ...any) (text string) {
	t.Helper()
	if err := w.db.Row(t.Context(), query, args...).Scan(&text); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return text
}

// describesItself looks at what a stranger, a probe and a collector ask for.
func (w *whole) describesItself(t *testing.T) {
	t.Helper()
	for path, member := range map[string]string{
		"/readyz": "", "/healthz": "", "/metrics": "", "/openapi.json": "/v1/bank/account/{id}/deposit",
	} {
		a := w.send(t, http.MethodGet, path, "")
		a.expect(t, path, 200)
		if paths, _ := a.body["paths"].(map[string]any); member != "" && paths[member] == nil {
			t.Errorf("%s describes no %s", path, member)
		}
	}
}
