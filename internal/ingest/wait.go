package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"recount/internal/es"
)

// reached is what who waited for a view is told.
type reached struct {
	View     string `json:"view"`
	Position string `json:"position"`
}

// waitForView answers when a view has everything up to a position, which is what the answer to a command carries: what
// the caller then reads has its own writes. It waits as long as the caller would (Prefer: wait), and without a word on
// that for as long as anybody may.
func (s *Server) waitForView(w http.ResponseWriter, r *http.Request, _ string) {
	view, at, p := s.readWait(r)
	if p != nil {
		p.write(w)
		return
	}
	limit := waitOf(w, r, s.cfg.WaitMax)
	if limit == 0 {
		limit = s.cfg.WaitMax
	}
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	defer cancel()
	go func() {
		select {
		case <-s.hurry: // the server is shutting down, and has waited for this long enough
			cancel()
		case <-ctx.Done():
		}
	}()
	switch err := s.cfg.Waiter.WaitFor(ctx, view, at); {
	case err == nil:
		writeJSON(w, http.StatusOK, "application/json", reached{view, at.String()})
	case r.Context().Err() != nil: // the caller has left, and there is nobody to answer
	case isClosed(s.hurry):
		newProblem(http.StatusServiceUnavailable, CodeDraining, "this server is shutting down; ask another, or again").write(w)
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil:
		newProblem(http.StatusGatewayTimeout, CodeViewBehind, err.Error()).write(w)
	default:
		s.cfg.Log.Error("a view could not be waited for", "view", view, "position", at.String(), "error", err)
		newProblem(http.StatusServiceUnavailable, CodeViews, "the views could not be asked; try again").write(w)
	}
}

// readWait reads what is to be waited for, and refuses what would be waited for in vain.
func (s *Server) readWait(r *http.Request) (view string, at es.Position, p *Problem) {
	name := r.PathValue("view")
	names := map[string]View{}
	for _, v := range s.cfg.Views {
		names[v.Name] = v
	}
	known, ok := names[name]
	if !ok {
		return "", at, unknown(CodeUnknownView, "view of events", name, "", names)
	}
	fault := func(status int, code, format string, args ...any) (string, es.Position, *Problem) {
		p := newProblem(status, code, fmt.Sprintf(format, args...))
		p.Field = "position"
		return "", at, p
	}
	given := r.URL.Query()["position"]
	if len(given) != 1 {
		return fault(http.StatusBadRequest, CodeMalformed, "give one position, such as ?position=bank/3@1234, and not %d", len(given))
	}
	at, err := es.ParsePosition(given[0])
	switch {
	case err != nil:
		return fault(http.StatusBadRequest, CodeMalformed, "%v", err)
	case !slices.Contains(known.Contexts, at.Context):
		return fault(http.StatusUnprocessableEntity, CodeInvalidField, "the view %s shows nothing of %q", name, at.Context)
	case at.Partition >= s.cfg.Partitions:
		return fault(http.StatusUnprocessableEntity, CodeInvalidField, "%s has %d partitions, counted from 0", at.Context, s.cfg.Partitions)
	case s.cfg.Waiter == nil:
		return "", at, newProblem(http.StatusServiceUnavailable, CodeViews, "this server was started without the views that know")
	}
	return name, at, nil
}
