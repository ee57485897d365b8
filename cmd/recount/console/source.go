package console

import (
	"context"
	"time"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
	"recount/cmd/recount/status"
	"recount/internal/clickhouse"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/webconsole"
	"recount/internal/worker/inspect"
)

// shelved is how many histories are kept in memory, for who looks at one version after the other.
const shelved = 16

// source asks Kafka, the registry, ClickHouse and the roles for what the console shows.
type source struct {
	process  *cli.Process
	question func() status.Question
	ground   func(context.Context) (*role.Foundation, error)
	db       *role.Lazy[*clickhouse.DB]
	shelf    *inspect.Shelf
}

// Overview says how everything stands, as recount status does.
func (s *source) Overview(ctx context.Context) webconsole.Overview {
	q := s.question()
	r := q.Ask(ctx, s.process)
	out := webconsole.Overview{At: r.At}
	for _, p := range r.Parts() {
		part := webconsole.Part{Heading: p.Heading, Rows: p.Rows}
		for _, m := range p.Marks {
			part.Marks = append(part.Marks, webconsole.Mark(m))
		}
		for _, c := range p.Columns {
			part.Columns = append(part.Columns, webconsole.Column{Title: c.Title, Number: c.Right})
		}
		out.Parts = append(out.Parts, part)
	}
	for _, w := range r.Warnings {
		out.Warnings = append(out.Warnings, webconsole.Warning(w))
	}
	return out
}

// reach returns the foundation once Kafka accepts a connection, and else, soon, says that it doesn't: the client would try
// for as long as a page may take.
func (s *source) reach(ctx context.Context) (*role.Foundation, error) {
	f, err := s.ground(ctx)
	if err != nil {
		return nil, err
	}
	return f, cli.Reach(ctx, "Kafka", "--kafka", f.Services.Kafka...)
}

// History reads an aggregate's history from the log.
func (s *source) History(ctx context.Context, context string, of es.AggregateType, id string) (*inspect.Timeline, error) {
	f, err := s.reach(ctx)
	if err != nil {
		return nil, err
	}
	return s.shelf.Read(ctx, f.Events(context, of, id))
}

// Process reads the history of a saga's instance from the log.
func (s *source) Process(ctx context.Context, context string, of es.Process, id string) (*inspect.Timeline, error) {
	f, err := s.reach(ctx)
	if err != nil {
		return nil, err
	}
	return s.shelf.Read(ctx, f.ProcessEvents(context, of, id))
}

// Data returns the data of a recorded event as JSON.
func (s *source) Data(ctx context.Context, context string, stream es.Stream, frame []byte) (string, error) {
	f, err := s.ground(ctx)
	if err != nil {
		return "", err
	}
	r, err := f.Codec.Recorded(context, stream, 0, 0, 0, nil, frame, []engine.Header(nil))
	if err != nil {
		return "", err
	}
	return r.JSON()
}

// Generations asks how far every generation of every view is.
func (s *source) Generations(ctx context.Context) ([]webconsole.Generation, error) {
	db, err := s.db.Get(ctx)
	if err != nil {
		return nil, err
	}
	f, err := s.ground(ctx)
	if err != nil {
		return nil, err
	}
	all, err := f.GenerationStandings(ctx, db)
	var out []webconsole.Generation
	for _, g := range all {
		out = append(out, webconsole.Generation{
			View: g.View, Number: g.Number, Revision: g.Revision, State: string(g.State), Since: time.UnixMilli(g.Changed),
			Done: g.Done, Total: g.Total, AtWork: g.AtWork,
		})
	}
	return out, err
}
