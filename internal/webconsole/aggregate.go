package webconsole

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"recount/internal/es"
	"recount/internal/worker/inspect"
)

// aggregatePage is an aggregate's time line, and its state at one of its versions.
type aggregatePage struct {
	frame
	Context, Type, ID string
	// Newest is the last version there is, Version the one that is shown; 0 is before the first event.
	Newest, Version int64
	// At is the moment that was asked for, as its field has it; empty: a version was.
	At string
	// Shown is the event that led to Version; nil at 0.
	Shown  *inspect.Step
	Data   string // of Shown, as JSON
	Fields []field
	// Steps are a part of the time line, newest first; Older is where the next part begins, 0: there is none.
	Steps []inspect.Step
	Older int64
}

// field is one of a state's fields, and what it was one version before.
type field struct {
	Name          string
	Before, Value any
	Changed       bool
}

// stepsMax is how many events of a time line are on one page.
const stepsMax = 50

func (c *Console) showAggregate(ctx context.Context, r *http.Request) answer {
	kind, id := r.FormValue("type"), r.FormValue("id")
	find := c.findAggregate(kind, id)
	of, name := c.context(kind)
	aggregate, ok := of.Aggregate(name)
	if !ok {
		return noKind("/aggregates", find)
	}
	done, err := c.reading(ctx)
	if err != nil {
		return away("/aggregates", err)
	}
	history, err := c.source.History(ctx, of.Name, aggregate, id)
	done()
	if err != nil {
		return away("/aggregates", slow(ctx, err))
	}
	if len(history.Steps) == 0 {
		return missing("/aggregates", "There is no such "+name, fmt.Sprintf("The log of context %s has no event of %s %q.", of.Name, name, id), find,
			"An ID is taken to the letter, capitals and all: compare it with what was sent.",
			"The aggregates page lists what was recorded last.",
			"Commands that were refused left no event: SELECT * FROM refusals WHERE aggregate_id = … has them.",
			"A command that was sent just now may still wait: the overview says how many do.")
	}
	p := aggregatePage{frame: frame{Title: name + " " + id, Part: "/aggregates"}, Context: of.Name, Type: name, ID: id}
	if err := p.choose(history, r); err != nil {
		return answer{http.StatusBadRequest, "problem", problem{
			frame: frame{Title: "Which version is meant?", Part: "/aggregates"}, Lead: err.Error() + ".",
			Try: []string{fmt.Sprintf("The %s has the versions 0 to %d; 0 is before its first event.", name, len(history.Steps))}, Find: find,
		}}
	}
	if p.Shown != nil {
		if p.Data, err = c.data(ctx, of.Name, es.FromEvents, p.Shown.Frame); err != nil {
			return away("/aggregates", err)
		}
	}
	return answer{http.StatusOK, "aggregate", p}
}

// slow says why a history could not be read in time, if that is why.
func slow(ctx context.Context, err error) error {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("reading the history took longer than %v: Kafka answers slowly, or the partition is long, and then the next try goes on from here (%w)", pageTimeout, err)
}

// choose takes what was asked for from the whole history.
func (p *aggregatePage) choose(t *inspect.Timeline, r *http.Request) (err error) {
	_, p.Newest = t.State()
	p.Version = p.Newest
	version, at := r.FormValue("version"), r.FormValue("at")
	switch {
	case version != "" && at != "":
		return errors.New("a version and a moment ask different questions: give one of them")
	case version != "":
		if p.Version, err = strconv.ParseInt(version, 10, 64); err != nil || p.Version < 0 || p.Version > p.Newest {
			return fmt.Errorf("there is no version %q", version)
		}
	case at != "":
		moment, err := inspect.ParseMoment(at)
		if err != nil {
			return err
		}
		_, p.Version = t.At(moment.UnixMilli()).State()
		p.At = fieldOf(moment)
	}
	from := p.Newest
	if text := r.FormValue("from"); text != "" {
		if from, err = strconv.ParseInt(text, 10, 64); err != nil || from < 1 || from > p.Newest {
			return fmt.Errorf("the time line can't begin at version %q", text)
		}
	}
	until := max(from-stepsMax, 0)
	p.Steps, p.Older = slices.Clone(t.Steps[until:from]), until
	slices.Reverse(p.Steps)
	return p.compare(t)
}

// fieldOf writes a moment as a browser's field for dates takes it, in UTC.
func fieldOf(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000") }

// compare fills in the state, beside that of the version before.
func (p *aggregatePage) compare(t *inspect.Timeline) error {
	now, err := t.Version(p.Version)
	if err != nil {
		return err
	}
	before, err := t.Version(max(p.Version-1, 0))
	if err != nil {
		return err
	}
	is, _ := now.State()
	was, _ := before.State()
	old := inspect.Fields(was)
	for i, f := range inspect.Fields(is) {
		p.Fields = append(p.Fields, field{f.Name, old[i].Value, f.Value, f.Value != old[i].Value})
	}
	if p.Version > 0 {
		p.Shown = &t.Steps[p.Version-1]
	}
	return nil
}

// Before is the version before the one that is shown.
func (p aggregatePage) Before() int64 { return p.Version - 1 }

// After is the version after it.
func (p aggregatePage) After() int64 { return p.Version + 1 }

// Changes counts the fields that the version changed.
func (p aggregatePage) Changes() (n int) {
	for _, f := range p.Fields {
		if f.Changed {
			n++
		}
	}
	return n
}

// AtField is what the field for a moment holds: what was asked for, or when the version was recorded.
func (p aggregatePage) AtField() string {
	switch {
	case p.At != "":
		return p.At
	case p.Shown != nil:
		return fieldOf(time.UnixMilli(p.Shown.Meta.RecordedAt))
	}
	return ""
}

// Says is what is shown, in a sentence.
func (p aggregatePage) Says() string {
	if p.Shown == nil {
		return fmt.Sprintf("Version 0 of %d: before the first event", p.Newest)
	}
	return fmt.Sprintf("Version %d of %d: %s, recorded %s UTC", p.Version, p.Newest, p.Shown.Type, inspect.Moment(p.Shown.Meta.RecordedAt))
}

// data returns an event's data, indented.
func (c *Console) data(ctx context.Context, context string, stream es.Stream, frame []byte) (string, error) {
	text, err := c.source.Data(ctx, context, stream, frame)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(text), "", "  "); err != nil {
		return "", fmt.Errorf("the data of an event is no JSON: %w", err)
	}
	return out.String(), nil
}
