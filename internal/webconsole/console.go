package webconsole

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"recount/internal/es"
)

// Path is where the console is, and what the paths of all its pages begin with.
const Path = "/console"

const (
	// pageTimeout bounds what one page may take: reading a long partition for the first time takes longest.
	pageTimeout = 25 * time.Second
	// readersMax is how many histories are read from the log at a time: each takes a processor.
	readersMax = 2
)

// Config is what a console is made of.
type Config struct {
	// Contexts are those whose aggregates and sagas can be looked at.
	Contexts []es.Context
	Source   Source
	// Log receives what went wrong on our side; nil: none.
	Log *slog.Logger
}

// Console is an http.Handler for Path and everything below it.
type Console struct {
	contexts []es.Context
	source   Source
	log      *slog.Logger
	pages    *template.Template
	mux      *http.ServeMux
	readers  chan struct{} // held by those who read a history
	overview overviews
}

// New makes a console.
func New(cfg Config) (*Console, error) {
	if cfg.Source == nil || len(cfg.Contexts) == 0 {
		return nil, errors.New("webconsole: a source and contexts are needed")
	}
	c := &Console{contexts: cfg.Contexts, source: cfg.Source, log: cfg.Log, readers: make(chan struct{}, readersMax)}
	var err error
	if c.pages, err = c.parsePages(); err != nil {
		return nil, fmt.Errorf("webconsole: reading the pages: %w", err)
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.overview = newOverviews(cfg.Source)
	c.route()
	return c, nil
}

func (c *Console) route() {
	c.mux = http.NewServeMux()
	for at, page := range map[string]func(context.Context, *http.Request) answer{
		"":            c.showOverview,
		"/aggregates": c.showAggregates,
		"/aggregate":  c.showAggregate,
		"/sagas":      c.showSagas,
		"/saga":       c.showSaga,
		"/views":      c.showViews,
		tracePart:     c.showTrace,
	} {
		c.mux.HandleFunc(Path+at, func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), pageTimeout)
			defer cancel()
			c.write(w, page(ctx, r))
		})
	}
	for name, kind := range assetTypes() {
		c.mux.HandleFunc(Path+"/"+name, func(w http.ResponseWriter, r *http.Request) { c.asset(w, r, name, kind) })
	}
	c.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == Path+"/" {
			http.Redirect(w, r, Path, http.StatusPermanentRedirect)
			return
		}
		c.write(w, lost("There is no such page", "The console has nothing at "+r.URL.Path+".", "Start at the overview, and follow the links from there."))
	})
}

// ServeHTTP answers one request.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store") // pages hold what customers did
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "The console only shows: use GET, not "+r.Method+". Commands go to /v1/ (see /openapi.json).", http.StatusMethodNotAllowed)
		return
	}
	c.mux.ServeHTTP(w, r)
}

// answer is a page to be written.
type answer struct {
	status int
	page   string // the template's name
	data   any
}

// write makes the whole page before it sends any of it: a page that can't be made is an error, and not half a page.
func (c *Console) write(w http.ResponseWriter, a answer) {
	var page bytes.Buffer
	if err := c.pages.ExecuteTemplate(&page, a.page, a.data); err != nil {
		c.log.Error("a page of the console can't be made", "page", a.page, "error", err)
		http.Error(w, "This page can't be made. That is a bug of the console; it has been logged.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(a.status)
	w.Write(page.Bytes()) // an error means that the caller has gone
}

// reading has a history be read once it is its turn.
func (c *Console) reading(ctx context.Context) (done func(), err error) {
	select {
	case c.readers <- struct{}{}:
		return func() { <-c.readers }, nil
	case <-ctx.Done():
		return nil, errors.New("others are reading long histories; try again in a moment")
	}
}

// kinds lists what there is of each context, as "<context>/<name>".
func kinds[T any](contexts []es.Context, of func(es.Context) []T, name func(T) string) (out []string) {
	for _, c := range contexts {
		for _, t := range of(c) {
			out = append(out, c.Name+"/"+name(t))
		}
	}
	return out
}

func (c *Console) aggregateKinds() []string {
	return kinds(c.contexts, func(c es.Context) []es.AggregateType { return c.Aggregates }, es.AggregateType.Name)
}

func (c *Console) sagaKinds() []string {
	return kinds(c.contexts, func(c es.Context) []es.Process { return c.Processes }, es.Process.Name)
}

// context returns the context that a kind begins with, and the rest of it.
func (c *Console) context(kind string) (found es.Context, name string) {
	context, name, _ := strings.Cut(kind, "/")
	for _, known := range c.contexts {
		if known.Name == context {
			return known, name
		}
	}
	return es.Context{}, name
}
