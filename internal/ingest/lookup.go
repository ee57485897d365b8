package ingest

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

const lookupTimeout = 10 * time.Second

// outcome answers the address that a 202 named: what the views know of a command. It is 200 for every outcome, a refusal
// too: this is the record of the command, and reading it has worked.
func (s *Server) outcome(w http.ResponseWriter, r *http.Request, _ string) {
	key := CommandKey{r.PathValue("context"), r.PathValue("aggregate"), r.PathValue("id"), r.PathValue("command_id")}
	if _, p := s.catalog.aggregate(key.Context, key.Aggregate); p != nil {
		p.write(w)
		return
	}
	for field, id := range map[string]string{"id": key.ID, "command_id": key.CommandID} {
		if err := checkID(id); err != nil {
			p := newProblem(http.StatusBadRequest, CodeMalformed, fmt.Sprintf("the %s in the address %v", field, err))
			p.Field = field
			p.write(w)
			return
		}
	}
	if s.cfg.Lookup == nil {
		newProblem(http.StatusServiceUnavailable, CodeViews, "this server was started without the views that know").write(w)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), lookupTimeout)
	defer cancel()
	res, found, err := s.cfg.Lookup.Command(ctx, key)
	switch {
	case err != nil:
		s.cfg.Log.Error("an outcome could not be looked up", "command_id", key.CommandID, "error", err)
		newProblem(http.StatusServiceUnavailable, CodeViews, "the views could not be asked; try again").write(w)
	case !found:
		p := newProblem(http.StatusNotFound, CodeOutcomeUnknown, "the views know no outcome of this command: it is not there yet, or was never sent")
		p.CommandID = key.CommandID
		p.header.Set("Retry-After", "1")
		p.write(w)
	default:
		writeJSON(w, http.StatusOK, "application/json", res)
	}
}
