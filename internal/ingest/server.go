package ingest

import (
	"fmt"
	"net/http"
	"path"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"
)

// Server takes commands over HTTP:
//
//	POST /v1/<ctx>/<aggregate>/<id>/<command>                 one command; the body is its fields as JSON
//	GET  /v1/<ctx>/<aggregate>/<id>/commands/<command id>     what became of it
//	GET  /v1/views/<view>/wait?position=<position>            returns when the view has it: read your own writes
//	GET  /openapi.json                                        the API, with every command's schema
//
// It is an http.Handler. Run must be running for callers to get their replies; Serve does both.
type Server struct {
	cfg     Config
	catalog catalog
	openapi []byte
	mux     *http.ServeMux
	load    admission
	waiters *waiters
	metrics *metrics
	// draining is closed when the server stops taking commands, hurry when those that wait must go.
	draining, hurry chan struct{}
	serving         atomic.Bool
}

// NewServer makes a server. All that is wrong with cfg is reported at once.
func NewServer(cfg Config) (*Server, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	s := &Server{
		cfg:      cfg,
		load:     admission{requestsMax: cfg.InFlightMax, bytesMax: cfg.InFlightBytesMax},
		waiters:  newWaiters(),
		draining: make(chan struct{}),
		hurry:    make(chan struct{}),
	}
	s.catalog = newCatalog(cfg.Codec, cfg.Contexts)
	if cfg.Policy != nil {
		if err := cfg.Policy.check(cfg.Tokens, s.catalog); err != nil {
			return nil, err
		}
	}
	var err error
	if s.openapi, err = describe(s.catalog, cfg); err != nil {
		return nil, err
	}
	if s.metrics, err = newMetrics(cfg.Registerer, s.load.inFlight); err != nil {
		return nil, err
	}
	return s, s.route()
}

// route sets the mux up. A pattern of cfg.Routes that clashes makes it panic, which is the caller's mistake to be told.
func (s *Server) route() (err error) {
	defer func() {
		if clash := recover(); clash != nil {
			err = fmt.Errorf("ingest: a route that can't be served: %v", clash)
		}
	}()
	s.mux = http.NewServeMux()
	// Patterns bear no method, so that a wrong one is answered by us, and as a problem.
	s.mux.Handle(patternCommand, s.guarded(http.MethodPost, s.post))
	s.mux.Handle(patternOutcome, s.guarded(http.MethodGet, s.outcome))
	s.mux.Handle(patternWait, s.guarded(http.MethodGet, s.waitForView))
	s.mux.HandleFunc("/openapi.json", s.serveOpenAPI)
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		newProblem(http.StatusNotFound, CodeNotFound, "there is nothing at "+r.URL.Path+"; see /openapi.json").write(w)
	})
	for pattern, h := range s.cfg.Routes {
		s.mux.Handle(pattern, h)
	}
	return nil
}

const (
	patternCommand = "/v1/{context}/{aggregate}/{id}/{command}"
	patternOutcome = "/v1/{context}/{aggregate}/{id}/commands/{command_id}"
	patternWait    = "/v1/views/{view}/wait"
)

// ServeHTTP answers one request. A handler that panics costs its own caller a 500 and nobody else anything.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := &recorder{ResponseWriter: w, began: time.Now()}
	defer func() {
		s.metrics.answered(r, rec.status, time.Since(rec.began))
		trailOf(rec).Answered(rec.status)
	}()
	defer func() {
		if bug := recover(); bug != nil {
			s.survive(rec, r, bug)
		}
	}()
	// The mux would redirect to a cleaned path. An empty segment is an ID that a script forgot to fill in: say so.
	// Below a route of the caller's, a slash at the end is the caller's business.
	if p := r.URL.EscapedPath(); p != "/" && path.Clean("/"+p) != p && !s.isRoute(p) {
		newProblem(http.StatusNotFound, CodeNotFound, fmt.Sprintf("the path %q has an empty or dotted segment", r.URL.Path)).write(rec)
		return
	}
	s.mux.ServeHTTP(rec, r)
}

// isRoute says whether a path is one of the caller's routes to the letter.
func (s *Server) isRoute(path string) bool {
	_, is := s.cfg.Routes[path]
	return is
}

func (s *Server) survive(rec *recorder, r *http.Request, bug any) {
	if bug == http.ErrAbortHandler {
		panic(bug)
	}
	s.cfg.Log.Error("a request's handler panicked", "method", r.Method, "path", r.URL.Path, "panic", bug, "stack", string(debug.Stack()))
	if rec.status != 0 {
		panic(http.ErrAbortHandler) // half an answer is out: cut the connection rather than pretend that it was all
	}
	newProblem(http.StatusInternalServerError, CodeInternal, "this is a bug of the server; it has been logged").write(rec)
}

// recorder remembers an answer's status, when its request came in, and who follows it.
type recorder struct {
	http.ResponseWriter
	status int
	began  time.Time
	trail  Trail // nil: nobody
}

func (w *recorder) WriteHeader(status int) {
	if status >= http.StatusOK && w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap gives http.ResponseController the writer beneath.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// guarded lets a request through to next if its method is right, its sender is known and there is room for it.
func (s *Server) guarded(method string, next func(w http.ResponseWriter, r *http.Request, actor string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		actor, p := s.authenticate(r)
		if p != nil {
			p.write(w)
			return
		}
		s.follow(w, r)
		if r.Method != method && (method != http.MethodGet || r.Method != http.MethodHead) {
			p := newProblem(http.StatusMethodNotAllowed, CodeMethod, fmt.Sprintf("use %s here, not %s", method, r.Method))
			p.header.Set("Allow", method)
			p.write(w)
			return
		}
		bytes := s.reservation(r)
		if !s.load.enter(bytes) {
			newProblem(http.StatusTooManyRequests, CodeOverloaded, "as many requests as this server takes at a time are being worked on; nothing was published").write(w)
			return
		}
		defer s.load.leave(bytes)
		next(w, r, actor)
	})
}

// reservation is what a request's body may take: what it says, or as much as is allowed where it doesn't say.
func (s *Server) reservation(r *http.Request) int64 {
	if r.ContentLength >= 0 {
		return min(r.ContentLength, s.cfg.BodyBytesMax)
	}
	return s.cfg.BodyBytesMax
}

// authenticate returns the name of the sender.
func (s *Server) authenticate(r *http.Request) (actor string, p *Problem) {
	return identify(s.cfg.Tokens, r)
}

// identify returns the name of who sends a request, or what to answer to somebody unknown.
func identify(tokens *Tokens, r *http.Request) (actor string, p *Problem) {
	if tokens == nil {
		if trustsWithoutToken(r) {
			return anonymous, nil
		}
		return "", newProblem(http.StatusForbidden, CodeForbiddenHost, "without tokens only requests to localhost are served, and this one names "+r.Host)
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") && len(r.Header.Values("Authorization")) == 1 {
		if name, ok := tokens.actor(strings.TrimSpace(token)); ok {
			return name, nil
		}
	}
	p = newProblem(http.StatusUnauthorized, CodeUnauthenticated, "a bearer token is needed: Authorization: Bearer TOKEN")
	p.header.Set("WWW-Authenticate", `Bearer realm="recount"`)
	return "", p
}

func (s *Server) serveOpenAPI(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		p := newProblem(http.StatusMethodNotAllowed, CodeMethod, "use GET here, not "+r.Method)
		p.header.Set("Allow", http.MethodGet)
		p.write(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(s.openapi) // an error means that the caller has gone
}
