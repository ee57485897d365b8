package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/console"
	"recount/cmd/internal/role"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/worker/inspect"
)

// showConfig is what saga show is told.
type showConfig struct{ tool }

func showCommand() *cobra.Command {
	cfg := &showConfig{newTool()}
	return cli.Command{
		Use: "show SAGA ID", Short: "Show the history of one instance, and how each of its commands ended",
		Long: `
Shows the history of one instance: every command it sent, with the ID it was sent under, and how that ended; every timer it
set, and what made it give up.`,
		Example: `
  saga show money_transfer t-1
  saga show money_transfer t-1 --json`,
		Args:   cli.Takes("SAGA", "ID"),
		Config: cfg,
		Run:    cfg.run,
	}.Cobra()
}

// shown is one event of a history.
type shown struct {
	Version    int64           `json:"version"`
	RecordedAt time.Time       `json:"recorded_at"`
	Event      string          `json:"event"`
	Data       json.RawMessage `json:"data"`
	// Sent are the IDs of the commands that were sent with it.
	Sent []string `json:"sent,omitempty"`
}

func (c *showConfig) run(ctx context.Context, in *cli.Process) error {
	of, err := named(c.context, in.Args[0])
	if err != nil {
		return err
	}
	return role.With(ctx, in, c.services, func(ctx context.Context, f *role.Foundation) error {
		history, err := historyOf(ctx, f, of, in.Args[1])
		if err != nil {
			return err
		}
		events, err := of.shown(f, history, in.Args[1])
		if err != nil {
			return err
		}
		if c.json {
			return console.JSON(in.Stdout, events)
		}
		return of.render(in, history, events)
	})
}

// historyOf returns the whole history of an instance; that there is none is an error.
func historyOf(ctx context.Context, f *role.Foundation, of found, id string) (*inspect.Timeline, error) {
	history, err := inspect.Read(ctx, f.ProcessEvents(of.context, of.process, id))
	if err == nil && len(history.Steps) == 0 {
		err = fmt.Errorf("there is no instance %q of %s: an ID is taken to the letter, capitals and all; it is that of what started it", id, of.process.Name())
	}
	return history, err
}

func (of found) shown(f *role.Foundation, history *inspect.Timeline, id string) ([]shown, error) {
	full := of.context + "/" + of.process.Name() + "/" + id
	out := make([]shown, 0, len(history.Steps))
	for _, s := range history.Steps {
		r, err := f.Codec.Recorded(of.context, es.FromProcesses, 0, 0, 0, nil, s.Frame, []engine.Header(nil))
		if err != nil {
			return nil, err
		}
		data, err := r.JSON()
		if err != nil {
			return nil, err
		}
		e := shown{Version: s.Meta.Version, RecordedAt: time.UnixMilli(s.Meta.RecordedAt).UTC(), Event: s.Type, Data: json.RawMessage(data)}
		for _, request := range of.process.Dispatch(full, s.State, s.Body) {
			e.Sent = append(e.Sent, request.CommandID)
		}
		out = append(out, e)
	}
	return out, nil
}

func (of found) render(in *cli.Process, history *inspect.Timeline, events []shown) error {
	state, version := history.State()
	standing := of.process.Standing(state)
	out := console.New(in.Stdout)
	out.Line("%s %s is %s at version %d", of.process.Name(), in.Args[1], standing.Phase, version)
	if standing.Step != "" {
		out.Line("  under way: %s", standing.Step)
	}
	if standing.Code != "" {
		out.Line("  because of: %s %s", standing.Code, standing.Detail)
	}
	t := console.Table{Columns: []console.Column{console.Number("version"), console.Text("recorded"), console.Text("event"), console.Text("data")}}
	for _, e := range events {
		t.Rows = append(t.Rows, []string{strconv.FormatInt(e.Version, 10), e.RecordedAt.Format("2006-01-02 15:04:05.000"), e.Event, string(e.Data)})
		for _, id := range e.Sent {
			t.Rows = append(t.Rows, []string{"", "", "  sent as", id})
		}
	}
	out.Table(t)
	return out.Err()
}
