package ingest

import (
	"context"
	"net/http"
	"time"

	"recount/internal/es"
)

// Tracer follows some of the requests; telemetry makes spans of them.
type Tracer interface {
	// Follow begins to follow a request whose sender is known, and which came in at a moment; nil: nobody follows it.
	Follow(r *http.Request, began time.Time) Trail
}

// Trail follows one request.
type Trail interface {
	// Context is what the request's command is published in, so that its record says what it follows from.
	Context() context.Context
	// Asked says which command the request asks for.
	Asked(command string, key CommandKey, correlation string)
	// Told says what a caller who waited was told of it.
	Told(outcome es.Outcome, code string)
	// Answered ends it. A status of 0: the caller left before there was an answer.
	Answered(status int)
}

// follow has a request followed, if somebody wants to. It stands behind the question who sends it: strangers must not be
// able to fill a collector.
func (s *Server) follow(w http.ResponseWriter, r *http.Request) {
	if rec, ok := w.(*recorder); ok && s.cfg.Tracer != nil {
		rec.trail = s.cfg.Tracer.Follow(r, rec.began)
	}
}

// trailOf is who follows the request that w answers, or nobody.
func trailOf(w http.ResponseWriter) Trail {
	if rec, ok := w.(*recorder); ok && rec.trail != nil {
		return rec.trail
	}
	return nobody{}
}

type nobody struct{}

func (nobody) Context() context.Context         { return nil }
func (nobody) Asked(string, CommandKey, string) {}
func (nobody) Told(es.Outcome, string)          {}
func (nobody) Answered(int)                     {}
