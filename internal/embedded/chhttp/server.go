package chhttp

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"recount/internal/embedded/chdb"
)

// Limits bounds what the server takes on. Values of zero or less mean the defaults.
type Limits struct {
	// Queries is how many statements run at once. More than twice the processors gains nothing. Default 16.
	Queries int
	// Waiting is how many more may wait for their turn; the others are refused with TOO_MANY_SIMULTANEOUS_QUERIES
	// (202), which a client may try again. Default 256.
	Waiting int
	// QueryBytes bounds a query's text, with the data of an INSERT … VALUES. Default 16 MiB.
	QueryBytes int64
	// InsertBytes bounds the data of one INSERT, decompressed. It is held in memory while it is inserted, so Queries ×
	// InsertBytes is the most that inserts can take. Default 256 MiB.
	InsertBytes int64
	// BodyTimeout is how long a client may take to send its request. Default 1 min.
	BodyTimeout time.Duration
	// StallTimeout is how long a client may take no byte of its answer; then it loses its turn. Default 5 min.
	StallTimeout time.Duration
}

func (l Limits) withDefaults() Limits {
	if l.Queries <= 0 {
		l.Queries = 16
	}
	if l.Waiting <= 0 {
		l.Waiting = 256
	}
	if l.QueryBytes <= 0 {
		l.QueryBytes = 16 << 20
	}
	if l.InsertBytes <= 0 {
		l.InsertBytes = 256 << 20
	}
	if l.BodyTimeout <= 0 {
		l.BodyTimeout = time.Minute
	}
	if l.StallTimeout <= 0 {
		l.StallTimeout = 5 * time.Minute
	}
	return l
}

// Server is the HTTP interface of one engine.
type Server struct {
	engine  *Engine
	limits  Limits
	running chan struct{} // a token for each statement that runs
	waiting chan struct{} // and for each that waits or runs
}

// NewServer serves e within limits.
func NewServer(e *Engine, limits Limits) *Server {
	limits = limits.withDefaults()
	return &Server{
		engine:  e,
		limits:  limits,
		running: make(chan struct{}, limits.Queries),
		waiting: make(chan struct{}, limits.Queries+limits.Waiting),
	}
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-ClickHouse-Server-Display-Name", displayName)
	switch {
	case r.URL.Path == "/ping", r.Method == http.MethodGet && r.URL.Path == "/" && r.URL.RawQuery == "":
		_, _ = io.WriteString(w, "Ok.\n") // nobody is left to tell
	case r.URL.Path != "/":
		http.NotFound(w, r)
	default:
		s.serveQuery(w, r)
	}
}

func (s *Server) serveQuery(w http.ResponseWriter, r *http.Request) {
	req, err := parseRequest(r)
	if err != nil {
		writeException(w, err)
		return
	}
	if err := s.enter(r.Context()); err != nil {
		writeException(w, err)
		return
	}
	defer s.leave()
	job, err := s.readJob(w, r, req)
	if err != nil {
		writeException(w, err)
		return
	}
	defer job.close()
	tag := newTag()
	req.writeHeader(w.Header(), s.engine.timezone, tag)
	out := newAnswer(w, req, tag, s.limits.StallTimeout)
	defer out.release()
	if err := s.run(r.Context(), req, job, out); err != nil {
		out.fail(err)
	}
}

// Drain waits until no statement runs, for so long at most, and returns how many do. Once it has returned 0 none ever will:
// it has all their tokens. To look whether nobody has one would not do:
//
//	A: runs                        B: waits for a turn          Drain: looks, sees A
//	A: has ended, and leaves                                    Drain: looks, sees nobody; the engine is closed
//	                               B: has its turn, and runs in an engine that is gone
func (s *Server) Drain(patience time.Duration) int {
	enough := time.After(patience)
	for left := cap(s.running); left > 0; left-- {
		select {
		case s.running <- struct{}{}:
		case <-enough:
			return left
		}
	}
	return 0
}

// enter waits for a turn.
func (s *Server) enter(ctx context.Context) error {
	select {
	case s.waiting <- struct{}{}:
	default:
		return chdb.NewException(codeTooManyQueries, "TOO_MANY_SIMULTANEOUS_QUERIES",
			"Too many simultaneous queries: %d run and %d wait", s.limits.Queries, s.limits.Waiting)
	}
	select {
	case s.running <- struct{}{}:
		return nil
	case <-ctx.Done():
		<-s.waiting
		return fmt.Errorf("the client left while it waited: %w", ctx.Err())
	}
}

func (s *Server) leave() {
	<-s.running
	<-s.waiting
}

// readJob reads the body within the limits of size and time.
func (s *Server) readJob(w http.ResponseWriter, r *http.Request, req *request) (*job, error) {
	deadline := http.NewResponseController(w)
	if err := deadline.SetReadDeadline(time.Now().Add(s.limits.BodyTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, fmt.Errorf("limit the time to read the request: %w", err)
	}
	body, err := req.decodeBody(r.Body)
	if err != nil {
		return nil, err
	}
	j, err := newJob(req, body, s.limits)
	if err != nil {
		return nil, err
	}
	if err := deadline.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		j.close()
		return nil, fmt.Errorf("lift the time limit of the request: %w", err)
	}
	return j, nil
}

func (req *request) writeHeader(h http.Header, timezone, tag string) {
	if req.queryID == "" {
		req.queryID = newTag()
	}
	h.Set("X-ClickHouse-Query-Id", req.queryID)
	h.Set("X-ClickHouse-Timezone", timezone)
	h.Set("X-ClickHouse-Exception-Tag", tag)
}

// newTag is 16 characters nobody can guess.
func newTag() string {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails: crypto/rand stops the program instead
	return hex.EncodeToString(random[:])
}
