package ingest

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

const depositToA = "/v1/bank/account/a/deposit"

// bad is a request that must not do what it asks.
type bad struct {
	call call
	want want
}

// try sends each request between two good ones, to a server of its own.
func try(t *testing.T, requests map[string]bad) {
	for name, c := range requests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBank(t)
			s := newServer(t, b)
			openFor(t, s, "a")
			ask(depositToA, tenEuros).do(t, s).check(t, want{status: 200})
			before := len(b.commands())
			a := c.call.do(t, s)
			a.check(t, c.want)
			if decided := a.status == http.StatusConflict; !decided && len(b.commands()) != before {
				t.Error("it was published all the same")
			}
			if a.status == http.StatusMethodNotAllowed && a.header.Get("Allow") == "" {
				t.Error("Allow is missing")
			}
			ask(depositToA, tenEuros).do(t, s).check(t, want{status: 200})
		})
	}
}

func TestABadBodyIsAProblemAndTheRestGoesOn(t *testing.T) {
	t.Parallel()
	try(t, map[string]bad{
		"malformed JSON":  {post(depositToA, `{"amount":10,`), want{400, CodeMalformed, "", "not JSON"}},
		"trailing JSON":   {post(depositToA, tenEuros+"{}"), want{400, CodeMalformed, "", "not JSON"}},
		"not an object":   {post(depositToA, `[1]`), want{400, CodeMalformed, "", "object"}},
		"null":            {post(depositToA, `null`), want{400, CodeMalformed, "", "object"}},
		"empty body":      {post(depositToA, ``), want{400, CodeMalformed, "", "has {}"}},
		"blank body":      {post(depositToA, " \n\t"), want{400, CodeMalformed, "", "has {}"}},
		"invalid UTF-8":   {post(depositToA, "{\"amount\":1,\"currency\":\"EUR\",\"reference\":\"\xff\"}"), want{400, CodeMalformed, "", "UTF-8"}},
		"nested too deep": {post(depositToA, strings.Repeat("[", 100_000)), want{400, CodeMalformed, "", ""}},
		"duplicate key":   {post(depositToA, `{"amount":1,"amount":2,"currency":"EUR","reference":"r"}`), want{422, CodeInvalidField, "amount", "twice"}},
		"missing field":   {post(depositToA, `{"currency":"EUR","reference":"r"}`), want{422, CodeInvalidField, "amount", "required"}},
		"unknown field":   {post(depositToA, `{"amount":1,"currency":"EUR","reference":"r","extra":1}`), want{422, CodeInvalidField, "extra", "no such field"}},
		"wrong type":      {post(depositToA, `{"amount":"10","currency":"EUR","reference":"r"}`), want{422, CodeInvalidField, "amount", "whole number"}},
		"fraction":        {post(depositToA, `{"amount":10.5,"currency":"EUR","reference":"r"}`), want{422, CodeInvalidField, "amount", ""}},
		"over int64":      {post(depositToA, `{"amount":9223372036854775808,"currency":"EUR","reference":"r"}`), want{422, CodeInvalidField, "amount", "out of range"}},
		"negative amount": {ask(depositToA, `{"amount":-1,"currency":"EUR","reference":"r"}`), want{409, "account/amount-not-positive", "", ""}},
		"overflow":        {ask(depositToA, `{"amount":9223372036854775807,"currency":"EUR","reference":"r"}`), want{409, "account/overflow", "", ""}},
		"oversized":       {post(depositToA, `{"reference":"`+strings.Repeat("x", 300<<10)+`"}`), want{413, CodeTooLarge, "", "262144"}},
	})
}

func TestABadAddressIsAProblemAndTheRestGoesOn(t *testing.T) {
	t.Parallel()
	try(t, map[string]bad{
		"unknown context":   {post("/v1/shop/account/a/deposit", tenEuros), want{404, CodeUnknownContext, "", `"known":["bank"]`}},
		"unknown aggregate": {post("/v1/bank/loan/a/deposit", tenEuros), want{404, CodeUnknownAggregate, "", `"known":["account","customer","transaction","transfer"]`}},
		"unknown command":   {post("/v1/bank/account/a/rob", tenEuros), want{404, CodeUnknownCommand, "", `"deposit"`}},
		"wire name in path": {post("/v1/bank/account/a/Deposit", tenEuros), want{404, CodeUnknownCommand, "", ""}},
		"unknown address":   {get("/v2/bank"), want{404, CodeNotFound, "", "openapi.json"}},
		"empty ID":          {post("/v1/bank/account//deposit", tenEuros), want{404, CodeNotFound, "", "empty or dotted"}},
		"dotted path":       {post("/v1/bank/account/../account/a/deposit", tenEuros), want{404, CodeNotFound, "", "empty or dotted"}},
		"dotted ID":         {post("/v1/bank/account/%2e%2e/deposit", tenEuros), want{400, CodeMalformed, "id", ""}},
		"long ID":           {post("/v1/bank/account/"+strings.Repeat("x", 513)+"/deposit", tenEuros), want{400, CodeMalformed, "id", "513"}},
		"control in ID":     {post("/v1/bank/account/a%0Ab/deposit", tenEuros), want{400, CodeMalformed, "id", "U+000A"}},
		"ID not UTF-8":      {post("/v1/bank/account/%ff/deposit", tenEuros), want{400, CodeMalformed, "id", "UTF-8"}},
		"wrong method":      {call{method: http.MethodPut, path: depositToA}, want{405, CodeMethod, "", "POST"}},
		"GET of a command":  {get(depositToA), want{405, CodeMethod, "", "POST"}},
		"POST of outcome":   {post("/v1/bank/account/a/commands/k", "{}"), want{405, CodeMethod, "", "GET"}},
		"POST of OpenAPI":   {post("/openapi.json", "{}"), want{405, CodeMethod, "", "GET"}},
	})
}

func TestABadHeaderIsAProblemAndTheRestGoesOn(t *testing.T) {
	t.Parallel()
	try(t, map[string]bad{
		"no media type":    {call{method: http.MethodPost, path: depositToA, body: tenEuros}, want{415, CodeMediaType, "", ""}},
		"a form":           {post(depositToA, "amount=1", "Content-Type", "application/x-www-form-urlencoded"), want{415, CodeMediaType, "", ""}},
		"another charset":  {post(depositToA, tenEuros, "Content-Type", "application/json; charset=latin1"), want{415, CodeMediaType, "", "latin1"}},
		"compressed":       {post(depositToA, tenEuros, "Content-Encoding", "gzip"), want{415, CodeMediaType, "", "Content-Encoding"}},
		"weak tag":         {post(depositToA, tenEuros, "If-Match", `W/"7"`), want{400, CodeMalformed, "If-Match", ""}},
		"any tag":          {post(depositToA, tenEuros, "If-Match", `*`), want{400, CodeMalformed, "If-Match", ""}},
		"two tags":         {post(depositToA, tenEuros, "If-Match", `"7", "8"`), want{400, CodeMalformed, "If-Match", ""}},
		"bare version":     {post(depositToA, tenEuros, "If-Match", `7`), want{400, CodeMalformed, "If-Match", ""}},
		"negative version": {post(depositToA, tenEuros, "If-Match", `"-1"`), want{400, CodeMalformed, "If-Match", ""}},
		"huge version":     {post(depositToA, tenEuros, "If-Match", `"9223372036854775808"`), want{400, CodeMalformed, "If-Match", ""}},
		"empty version":    {post(depositToA, tenEuros, "If-Match", ``), want{400, CodeMalformed, "If-Match", ""}},
		"empty key":        {post(depositToA, tenEuros, "Idempotency-Key", ``), want{400, CodeMalformed, "Idempotency-Key", "empty"}},
		"long key":         {post(depositToA, tenEuros, "Idempotency-Key", strings.Repeat("k", 513)), want{400, CodeMalformed, "Idempotency-Key", "513"}},
		"key not UTF-8":    {post(depositToA, tenEuros, "Idempotency-Key", "\xff"), want{400, CodeMalformed, "Idempotency-Key", "UTF-8"}},
		"no time":          {post(depositToA, tenEuros, "Recount-Valid-At", "yesterday"), want{400, CodeMalformed, "Recount-Valid-At", "RFC 3339"}},
		"a time too old":   {post(depositToA, tenEuros, "Recount-Valid-At", "1066-10-14T09:00:00Z"), want{400, CodeMalformed, "Recount-Valid-At", "1900"}},
	})
}

func TestAHeaderSentTwiceIsAProblem(t *testing.T) {
	t.Parallel()
	s := newServer(t, newBank(t))
	for _, name := range []string{headerCommandID, headerVersion, headerCorrelation, headerCausation, headerValidAt} {
		r := post("/v1/bank/account/a/open", openAccount).request()
		r.Header[name] = []string{"a", "b"}
		a := serve(t, s, r)
		a.check(t, want{status: http.StatusBadRequest, code: CodeMalformed, field: name, says: "2 times"})
	}
}

func TestOfSeveralBadHeadersTheSameIsNamedEachTime(t *testing.T) {
	t.Parallel()
	s := newServer(t, newBank(t))
	for range 20 {
		r := post("/v1/bank/account/a/open", openAccount, headerCommandID, "", headerCorrelation, "", headerCausation, "").request()
		serve(t, s, r).check(t, want{status: http.StatusBadRequest, code: CodeMalformed, field: headerCommandID})
	}
}

func TestABodyWithoutALengthIsBoundedToo(t *testing.T) {
	t.Parallel()
	s := newServer(t, newBank(t), func(c *Config) { c.BodyBytesMax = 100 })
	for body, status := range map[string]int{openAccount: http.StatusAccepted, strings.Repeat(" ", 100) + openAccount: http.StatusRequestEntityTooLarge} {
		r := post("/v1/bank/account/a/open", body).request()
		r.ContentLength = -1
		serve(t, s, r).check(t, want{status: status})
	}
}

func TestABodyThatEndsEarlyIsAProblem(t *testing.T) {
	t.Parallel()
	s := newServer(t, newBank(t))
	r := post("/v1/bank/account/a/open", "").request()
	r.Body = brokenBody{}
	serve(t, s, r).check(t, want{status: http.StatusBadRequest, code: CodeMalformed, says: "ended early"})
}

func TestABodyThatSaysItIsTooLargeIsNotRead(t *testing.T) {
	t.Parallel()
	s := newServer(t, newBank(t))
	r := post("/v1/bank/account/a/open", "").request()
	r.Body, r.ContentLength = brokenBody{}, bodyBytesDefault+1
	serve(t, s, r).check(t, want{status: http.StatusRequestEntityTooLarge, code: CodeTooLarge})
}

func TestPreferences(t *testing.T) {
	t.Parallel()
	for value, seconds := range map[string]int{
		"wait=5":                       5,
		"respond-async, wait=10":       10,
		"Wait = 7":                     7,
		`wait="8"`:                     8,
		"wait=9; foo=bar":              9,
		`foo="a, wait=3", wait=4`:      4,
		`foo="a\", wait=3", wait=6`:    6,
		"wait=1, wait=2":               1,
		"wait=0":                       0,
		"wait":                         0,
		"wait=":                        0,
		"wait=-1":                      0,
		"wait=1.5":                     0,
		"wait=99999999999999999999999": 0,
		"respond-async":                0,
		"await=5":                      0,
		`"`:                            0,
		"":                             0,
	} {
		got, ok := preferredWait([]string{value})
		if int(got.Seconds()) != seconds || ok != (seconds > 0 || value == "wait=0") {
			t.Errorf("%q: %v, %v; want %d s", value, got, ok, seconds)
		}
	}
	if got, _ := preferredWait([]string{"return=minimal", "wait=5"}); got.Seconds() != 5 {
		t.Errorf("a second header: %v", got)
	}
}

func TestAWaitIsCapped(t *testing.T) {
	t.Parallel()
	s := newServer(t, newBank(t))
	a := ask("/v1/bank/account/a/open", openAccount)
	a.header["Prefer"] = "wait=3600"
	if got := a.do(t, s).header.Get("Preference-Applied"); got != "wait=30" {
		t.Fatalf("granted %q", got)
	}
}

func TestIDsAreCheckedAlike(t *testing.T) {
	t.Parallel()
	good := []string{"a", "acct-1", "ü/ 1", "…", strings.Repeat("x", idBytesMax)}
	bad := []string{"", ".", "..", "\x00", "a\n", "\x7f", "\u0085", "\xff", "\ufffd", strings.Repeat("x", idBytesMax+1)}
	for _, id := range slices.Concat(good, bad) {
		if err := checkID(id); (err == nil) != slices.Contains(good, id) {
			t.Errorf("%q: %v", id, err)
		}
	}
}
