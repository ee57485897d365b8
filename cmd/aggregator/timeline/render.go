package timeline

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"recount/cmd/internal/console"
	"recount/internal/worker/inspect"
)

// subject is what was inspected.
type subject struct{ context, aggregate, id string }

// render writes an answer for people.
func (a answer) render(out io.Writer, of subject) error {
	w := console.New(out)
	w.Line("%s", console.Clean(a.title(of)))
	if a.isDiff {
		w.Heading("changes")
		w.Table(changeTable(a))
	} else {
		w.Heading("state")
		w.Table(stateTable(a.state))
	}
	w.Heading("events")
	w.Table(eventTable(a.steps))
	return w.Err()
}

// title says what is shown, and how much more there is.
func (a answer) title(of subject) string {
	text := fmt.Sprintf("%s %s, context %s: version %d", of.aggregate, of.id, of.context, a.version)
	switch {
	case a.isDiff:
		text = fmt.Sprintf("%s %s, context %s: from version %d to %d of %d", of.aggregate, of.id, of.context, a.from, a.version, a.newest)
	case a.asked != "":
		text += fmt.Sprintf(" of %d, %s", a.newest, a.asked)
	}
	return text
}

func stateTable(state any) console.Table {
	t := console.Table{Columns: []console.Column{console.Text("field"), console.Text("value")}}
	for _, f := range inspect.Fields(state) {
		t.Rows = append(t.Rows, []string{f.Name, fmt.Sprint(f.Value)})
	}
	return t
}

func changeTable(a answer) console.Table {
	t := console.Table{Columns: []console.Column{
		console.Text("field"),
		console.Text("version " + strconv.FormatInt(a.from, 10)),
		console.Text("version " + strconv.FormatInt(a.version, 10)),
	}}
	for _, c := range a.changes {
		t.Rows = append(t.Rows, []string{c.Field, fmt.Sprint(c.Before), fmt.Sprint(c.After)})
	}
	return t
}

func eventTable(steps []inspect.Step) console.Table {
	t := console.Table{Columns: []console.Column{
		console.Number("version"), console.Text("recorded at (UTC)"), console.Text("valid at (UTC)"), console.Text("type"),
		console.Text("command"), console.Text("actor"), console.Text("position"),
	}}
	for _, s := range steps {
		t.Rows = append(t.Rows, []string{
			strconv.FormatInt(s.Meta.Version, 10), inspect.Moment(s.Meta.RecordedAt), inspect.Moment(s.Meta.ValidAt), s.Type,
			s.Meta.CommandID, s.Meta.Actor, s.Position,
		})
	}
	return t
}

// document is an answer for machines.
type document struct {
	Context   string         `json:"context"`
	Aggregate string         `json:"aggregate"`
	ID        string         `json:"id"`
	Version   int64          `json:"version"`
	Newest    int64          `json:"newest_version"`
	State     map[string]any `json:"state"`
	Diff      *difference    `json:"diff,omitempty"`
	Events    []placed       `json:"events"`
}

// difference is what changed since a version.
type difference struct {
	From    int64    `json:"from_version"`
	Changes []change `json:"changes"`
}

type change struct {
	Field  string `json:"field"`
	Before any    `json:"before"`
	After  any    `json:"after"`
}

// placed is an event, as the codec writes it, and where it stands in the log.
type placed struct {
	Position string          `json:"position"`
	Event    json.RawMessage `json:"event"`
}

// renderJSON writes an answer for machines. eventJSON writes an event's frame as a JSON object.
func (a answer) renderJSON(out io.Writer, of subject, eventJSON func(frame []byte) ([]byte, error)) error {
	d := document{
		Context: of.context, Aggregate: of.aggregate, ID: of.id,
		Version: a.version, Newest: a.newest, State: map[string]any{}, Events: []placed{},
	}
	for _, f := range inspect.Fields(a.state) {
		d.State[f.Name] = f.Value
	}
	if a.isDiff {
		d.Diff = &difference{From: a.from, Changes: []change{}}
		for _, c := range a.changes {
			d.Diff.Changes = append(d.Diff.Changes, change(c))
		}
	}
	for _, s := range a.steps {
		event, err := eventJSON(s.Frame)
		if err != nil {
			return fmt.Errorf("writing the event at %s as JSON: %w", s.Position, err)
		}
		d.Events = append(d.Events, placed{Position: s.Position, Event: event})
	}
	return console.JSON(out, d)
}
