package ingest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// Codes of problems that arise here. They are stable: callers branch on them. A refused or failed command has the code
// its aggregate gave it.
const (
	CodeMalformed        = "malformed"              // 400: not JSON, not an object, an ID or header that can't be read
	CodeUnauthenticated  = "unauthenticated"        // 401: no bearer token, or not one of ours
	CodeForbiddenHost    = "forbidden-host"         // 403: without tokens only loopback is served
	CodeForbidden        = "forbidden"              // 403: the policy does not let this sender send this command
	CodeNotFound         = "not-found"              // 404: no such address
	CodeUnknownContext   = "unknown-context"        // 404
	CodeUnknownAggregate = "unknown-aggregate"      // 404
	CodeUnknownCommand   = "unknown-command"        // 404: no such command of this aggregate
	CodeOutcomeUnknown   = "outcome-unknown"        // 404: the views don't know this command, or not yet
	CodeUnknownView      = "unknown-view"           // 404
	CodeViewBehind       = "view-behind"            // 504: the view did not get there in the time that was granted
	CodeMethod           = "method-not-allowed"     // 405
	CodeTooLarge         = "too-large"              // 413
	CodeMediaType        = "unsupported-media-type" // 415
	CodeInvalidField     = "invalid-field"          // 422: JSON, but not this command's
	CodeOverloaded       = "overloaded"             // 429
	CodeInternal         = "internal"               // 500: a bug
	CodeBroker           = "broker-unavailable"     // 503
	CodeViews            = "views-unavailable"      // 503
	CodeDraining         = "draining"               // 503: this server is shutting down
)

// Problem is an error as RFC 9457 has it, with members of our own after the first four.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Code is stable and says what Type says.
	Code string `json:"code"`
	// Field names the field or header that is wrong.
	Field string `json:"field,omitempty"`
	// Known lists what exists in place of something that doesn't.
	Known []string `json:"known,omitempty"`
	// CommandID is the command's, once it is known: sending again with it as Idempotency-Key is safe.
	CommandID string `json:"command_id,omitempty"`
	// Command, Outcome, Version and Duplicate are those of a command that was decided.
	Command   string `json:"command,omitempty"`
	Outcome   string `json:"outcome,omitempty"`
	Version   *int64 `json:"version,omitempty"`
	Duplicate bool   `json:"duplicate,omitempty"`

	header http.Header
}

const (
	problemMediaType  = "application/problem+json"
	problemTypePrefix = "urn:recount:problem:"
	retryAfter        = time.Second
)

func newProblem(status int, code, detail string) *Problem {
	p := &Problem{Type: problemTypePrefix + code, Title: http.StatusText(status), Status: status, Code: code, Detail: detail, header: http.Header{}}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout {
		p.header.Set("Retry-After", strconv.Itoa(int(retryAfter/time.Second)))
	}
	return p
}

// Error makes a problem something that a step of a request can return.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

func (p *Problem) write(w http.ResponseWriter) {
	for name, values := range p.header {
		w.Header()[name] = values
	}
	writeJSON(w, p.Status, problemMediaType, p)
}

// writeJSON answers with v. An error in writing means that the caller has gone: there is nobody left to tell.
func writeJSON(w http.ResponseWriter, status int, mediaType string, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic("ingest: an answer that is no JSON: " + err.Error()) // our own types: a bug
	}
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(body)+1))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(append(body, '\n'))
}
