package ingest

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"recount/internal/es"
	"recount/internal/kafka"
)

// Headers of a command. Those without a standard are the project's own.
const (
	headerCommandID   = "Idempotency-Key"
	headerVersion     = "If-Match"
	headerCorrelation = "Correlation-Id"
	headerCausation   = "Causation-Id"
	headerValidAt     = "Recount-Valid-At"
	headerPrefer      = "Prefer"
)

const traceHeaderBytesMax = 512

// oneHeader returns a header that may be given once at most; "" where it is missing.
func oneHeader(r *http.Request, name string) (string, *Problem) {
	values := r.Header.Values(name)
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		return strings.TrimSpace(values[0]), nil
	}
	return "", badHeader(name, "was sent %d times", len(values))
}

func badHeader(name, format string, args ...any) *Problem {
	p := newProblem(http.StatusBadRequest, CodeMalformed, name+" "+fmt.Sprintf(format, args...))
	p.Field = name
	return p
}

// idHeader returns a header whose value names something.
func idHeader(r *http.Request, name string) (string, *Problem) {
	value, p := oneHeader(r, name)
	if p != nil || len(r.Header.Values(name)) == 0 {
		return "", p
	}
	if inner, ok := unquote(value); ok {
		value = inner // the Idempotency-Key draft has strings in quotes; most clients send them bare
	}
	if err := checkID(value); err != nil {
		return "", badHeader(name, "%v", err)
	}
	return value, nil
}

// unquote takes the quotes off a string without escapes.
func unquote(s string) (string, bool) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' || strings.ContainsAny(s[1:len(s)-1], `"\`) {
		return s, false
	}
	return s[1 : len(s)-1], true
}

// readMeta makes a command's metadata from a request's headers.
func readMeta(r *http.Request, id, actor string) (meta es.CommandMeta, p *Problem) {
	meta = es.CommandMeta{AggregateID: id, Actor: actor}
	for _, h := range []struct {
		name string
		is   *string
	}{
		{headerCommandID, &meta.CommandID}, {headerCorrelation, &meta.CorrelationID}, {headerCausation, &meta.CausationID},
	} { // in this order, so that of several bad ones the same is named each time
		if *h.is, p = idHeader(r, h.name); p != nil {
			return meta, p
		}
	}
	if meta.CommandID == "" {
		made, err := uuid.NewV7()
		if err != nil {
			return meta, newProblem(http.StatusInternalServerError, CodeInternal, "no command ID could be made: "+err.Error())
		}
		meta.CommandID = made.String()
	}
	if meta.ExpectedVersion, p = readIfMatch(r); p != nil {
		return meta, p
	}
	given, p := oneHeader(r, headerValidAt)
	if p != nil || given == "" {
		return meta, p
	}
	at, err := parseValidAt(given)
	if err != nil {
		return meta, badHeader(headerValidAt, "%v", err)
	}
	meta.ValidAt = &at
	return meta, nil
}

// readIfMatch reads the expected version: one strong entity tag that holds a number, "0" for an aggregate that must not
// be there yet. "*", weak tags and lists say less than a version does, and would be taken for more than they are.
func readIfMatch(r *http.Request) (*int64, *Problem) {
	given, p := oneHeader(r, headerVersion)
	if p != nil || len(r.Header.Values(headerVersion)) == 0 {
		return nil, p
	}
	const want = `must be one version in quotes, such as "7" ("0": not there yet), not %s`
	digits, ok := unquote(given)
	if !ok || digits == "" || strings.Trim(digits, "0123456789") != "" {
		return nil, badHeader(headerVersion, want, given)
	}
	version, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return nil, badHeader(headerVersion, want, given)
	}
	return &version, nil
}

// traceOf returns the request's trace headers (W3C Trace Context) for the record, so that a trace goes on behind the broker.
func traceOf(r *http.Request) []kafka.Header {
	var out []kafka.Header
	for _, name := range [...]string{"traceparent", "tracestate"} {
		if v := r.Header.Get(name); v != "" && len(v) <= traceHeaderBytesMax {
			out = append(out, kafka.Header{Key: name, Value: []byte(v)})
		}
	}
	return out
}

// checkMediaType demands JSON as it is: in UTF-8 and not compressed.
func checkMediaType(r *http.Request) *Problem {
	given := r.Header.Get("Content-Type")
	media, params, err := mime.ParseMediaType(given)
	charset := params["charset"]
	switch {
	case err != nil || media != "application/json":
		return newProblem(http.StatusUnsupportedMediaType, CodeMediaType, fmt.Sprintf("Content-Type must be application/json, not %q", given))
	case charset != "" && !strings.EqualFold(charset, "utf-8"):
		return newProblem(http.StatusUnsupportedMediaType, CodeMediaType, fmt.Sprintf("JSON is UTF-8, not %q", charset))
	case r.Header.Get("Content-Encoding") != "":
		return newProblem(http.StatusUnsupportedMediaType, CodeMediaType, "a compressed body (Content-Encoding) is not taken")
	}
	return nil
}

// readBody reads a body of at most bytesMax.
func readBody(w http.ResponseWriter, r *http.Request, bytesMax int64) ([]byte, *Problem) {
	if r.ContentLength > bytesMax {
		return nil, tooLarge(bytesMax)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bytesMax))
	if err == nil {
		return body, nil
	}
	if over := new(http.MaxBytesError); errors.As(err, &over) {
		return nil, tooLarge(bytesMax)
	}
	return nil, newProblem(http.StatusBadRequest, CodeMalformed, "the body ended early: "+err.Error())
}

func tooLarge(bytesMax int64) *Problem {
	return newProblem(http.StatusRequestEntityTooLarge, CodeTooLarge, fmt.Sprintf("a body may have %d bytes at most", bytesMax))
}

// waitOf returns how long the caller would wait, up to limit, and tells it so.
func waitOf(w http.ResponseWriter, r *http.Request, limit time.Duration) time.Duration {
	wait, ok := preferredWait(r.Header.Values(headerPrefer))
	if !ok || wait <= 0 {
		return 0
	}
	wait = min(wait, limit)
	w.Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait/time.Second)))
	return wait
}
