package telemetry

import (
	"encoding/json"
	"net/http"
	"sync"
)

// readiness is the conditions under which the process may be sent work.
type readiness struct {
	mu     sync.Mutex
	checks []check
}

type check struct {
	name string
	fn   func() error
}

// Waiting is a part of the process that is not ready, and why.
type Waiting struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// AddReady makes /readyz wait for check to return nil. Check must return at once, and may be called at any time from any
// goroutine; its error is for operators: what is being waited for.
func (t *Telemetry) AddReady(name string, fn func() error) {
	t.readiness.mu.Lock()
	defer t.readiness.mu.Unlock()
	t.readiness.checks = append(t.readiness.checks, check{name, fn})
}

// Waiting returns what is not ready. As long as nothing was added, the process itself is: its roles are still starting,
// and an early "ready" would be a lie that gets work sent to nobody.
func (t *Telemetry) Waiting() []Waiting { return t.readiness.waiting() }

func (r *readiness) waiting() []Waiting {
	r.mu.Lock()
	checks := r.checks[:len(r.checks):len(r.checks)]
	r.mu.Unlock()
	if len(checks) == 0 {
		return []Waiting{{Name: "process", Reason: "starting"}}
	}
	var out []Waiting
	for _, c := range checks {
		if err := c.fn(); err != nil {
			out = append(out, Waiting{c.name, err.Error()})
		}
	}
	return out
}

// Readiness is the body of /readyz.
type Readiness struct {
	Ready bool `json:"ready"`
	// Waiting is what is not ready. Those who can't show the token, where there is one, don't get it.
	Waiting []Waiting `json:"waiting,omitempty"`
}

func (r *readiness) answer(w http.ResponseWriter, req *http.Request) {
	waiting := r.waiting()
	status := http.StatusOK
	if len(waiting) > 0 {
		status = http.StatusServiceUnavailable
	}
	body := Readiness{Ready: len(waiting) == 0}
	if !isStranger(req.Context()) {
		body.Waiting = waiting
	}
	answerJSON(w, status, body)
}

func answerJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) //nolint:errcheck // whoever asked has gone
}
