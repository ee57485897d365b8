// Package console is Recount's console in a browser, put together: recount console serves it for a cluster, and recount up
// at its own port.
//
// It only reads, but for schemas that the registry lacks. It joins no group and makes no topic and no table.
package console

import (
	"context"
	"net/http"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
	"recount/cmd/recount/status"
	"recount/domain"
	"recount/internal/clickhouse"
	"recount/internal/webconsole"
	"recount/internal/worker/inspect"
)

// Console is the console's handler, and what it has opened.
type Console struct {
	http.Handler
	db *role.Lazy[*clickhouse.DB]
}

// Open makes a console. question says what the overview is about, and where the views are; ground is asked for the
// foundation by each request that needs it. Close the console when nobody is served any more.
func Open(in *cli.Process, question func() status.Question, ground func(context.Context) (*role.Foundation, error)) (*Console, error) {
	db := role.NewLazy(func(ctx context.Context) (*clickhouse.DB, error) {
		return role.OpenViews(ctx, question().Services, in.Log)
	})
	pages, err := webconsole.New(webconsole.Config{
		Contexts: domain.Contexts(), Log: in.Log,
		Source: &source{process: in, question: question, ground: ground, db: db, shelf: &inspect.Shelf{Max: shelved}},
	})
	if err != nil {
		return nil, err
	}
	return &Console{pages, db}, nil
}

// Routes are the patterns under which the console is served, with what is at the address itself: a way to it.
func (c *Console) Routes() map[string]http.Handler {
	return map[string]http.Handler{
		webconsole.Path: c, webconsole.Path + "/": c,
		"/{$}": http.RedirectHandler(webconsole.Path, http.StatusTemporaryRedirect),
	}
}

// Close closes what was opened.
func (c *Console) Close() error {
	return c.db.Close((*clickhouse.DB).Close)
}
