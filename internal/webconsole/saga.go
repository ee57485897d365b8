package webconsole

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"recount/internal/es"
	"recount/internal/es/saga"
	"recount/internal/worker/inspect"
)

// sagaPage is the path of one instance.
type sagaPage struct {
	frame
	Context, Saga, ID string
	Version           int64
	es.Standing
	Correlation string
	Diagram     diagram
	Sendings    []sending
	Events      []told
}

// sending is one command of the instance, and what became of it.
type sending struct {
	saga.Sending
	CommandID string
	// Context, Type and Aggregate name whom it was sent to; empty where there was nothing to send.
	Context, Type, Aggregate string
	// SentAt and AnsweredAt are recorded times, Unix milliseconds; AnsweredAt is 0 while no answer is there.
	SentAt, AnsweredAt int64
}

// told is one event of the instance's history.
type told struct {
	inspect.Step
	Data string
}

func (c *Console) showSaga(ctx context.Context, r *http.Request) answer {
	kind, id := r.FormValue("type"), r.FormValue("id")
	find := c.findSaga(kind, id)
	of, name := c.context(kind)
	process, ok := of.Process(name)
	if !ok {
		return noKind("/sagas", find)
	}
	done, err := c.reading(ctx)
	if err != nil {
		return away("/sagas", err)
	}
	history, err := c.source.Process(ctx, of.Name, process, id)
	done()
	if err != nil {
		return away("/sagas", slow(ctx, err))
	}
	if len(history.Steps) == 0 {
		return missing("/sagas", "There is no such instance", fmt.Sprintf("The log of context %s has no instance %q of %s.", of.Name, id, name), find,
			"An ID is taken to the letter, capitals and all; it is that of what started the instance.",
			"The sagas page lists those that changed last.",
			"Nothing may have started it yet: it begins with "+fmt.Sprint(process.Machine().Starts)+".")
	}
	p := sagaPage{frame: frame{Title: name + " " + id, Part: "/sagas"}, Context: of.Name, Saga: name, ID: id}
	if err := p.tell(ctx, c, process, history); err != nil {
		return away("/sagas", err)
	}
	if !p.Ended {
		p.Refresh = refreshSeconds
	}
	return answer{http.StatusOK, "saga", p}
}

// tell fills the page in from the instance's history.
func (p *sagaPage) tell(ctx context.Context, c *Console, process es.Process, history *inspect.Timeline) error {
	state, version := history.State()
	p.Standing, p.Version = process.Standing(state), version
	p.Correlation = history.Steps[0].Meta.CorrelationID
	var bodies []any
	for _, s := range history.Steps {
		bodies = append(bodies, s.Body)
		data, err := c.data(ctx, p.Context, es.FromProcesses, s.Frame)
		if err != nil {
			return err
		}
		p.Events = append(p.Events, told{s, data})
	}
	slices.Reverse(p.Events)
	path := saga.Path(bodies)
	for _, s := range path {
		p.Sendings = append(p.Sendings, p.sending(process, history.Steps, s))
	}
	p.Diagram = draw(process.Machine(), fates(path, p.Standing))
	return nil
}

// sending looks up what a command was sent as.
func (p *sagaPage) sending(process es.Process, steps []inspect.Step, s saga.Sending) sending {
	out := sending{Sending: s, SentAt: steps[s.Sent].Meta.RecordedAt}
	if s.Answered >= 0 {
		out.AnsweredAt = steps[s.Answered].Meta.RecordedAt
	}
	for _, r := range process.Dispatch(p.Context+"/"+p.Saga+"/"+p.ID, steps[s.Sent].State, steps[s.Sent].Body) {
		out.CommandID, out.Type, out.Aggregate = r.CommandID, r.Aggregate, r.ID
		if out.Context = r.Context; out.Context == "" {
			out.Context = p.Context
		}
	}
	return out
}

// Says is where the instance stands, in a sentence.
func (p sagaPage) Says() string {
	text := fmt.Sprintf("%s, at version %d", p.Phase, p.Version)
	if p.Step != "" {
		text += "; under way: " + p.Step
	}
	return text
}
