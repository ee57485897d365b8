package clickhouse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"recount/internal/embedded/embeddedtest"
	"recount/internal/es"
)

// faulty stands before a server and fails the next insert of rows, before or after it was carried out; or whatever else
// is meant, once or for as long as it is armed.
type faulty struct {
	*httptest.Server
	meant func(query string) bool
	stays bool

	mu     sync.Mutex
	status int
	code   int32
	after  bool
	armed  bool
}

func newFaulty(t *testing.T, to string, start func(http.Handler) *httptest.Server) *faulty {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	f := &faulty{meant: func(query string) bool {
		return strings.HasPrefix(query, "INSERT") && strings.Contains(query, ".entries_g1")
	}}
	forward := httputil.NewSingleHostReverseProxy(target)
	f.Server = start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = target.Host
		status, code, after, armed := f.take(r)
		if !armed {
			forward.ServeHTTP(w, r)
			return
		}
		if after {
			forward.ServeHTTP(httptest.NewRecorder(), r)
		}
		if code > 0 {
			w.Header().Set("X-ClickHouse-Exception-Code", strconv.Itoa(int(code)))
		}
		w.WriteHeader(status)
		if code > 0 {
			_, _ = fmt.Fprintf(w, "Code: %d. DB::Exception: by order of the test. (ORDERED)\n", code)
		}
	}))
	t.Cleanup(f.Close)
	return f
}

// take returns the fault if r is what it is meant for.
func (f *faulty) take(r *http.Request) (status int, code int32, after, armed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.armed || r.Method != http.MethodPost || !f.meant(queryOf(r)) {
		return 0, 0, false, false
	}
	f.armed = f.stays
	return f.status, f.code, f.after, true
}

// queryOf returns a request's statement: beside rows in the address, else in the body.
func queryOf(r *http.Request) string {
	if query := r.URL.Query().Get("query"); query != "" {
		return query
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return ""
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
	return string(text)
}

func (f *faulty) arm(status int, code int32, after bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status, f.code, f.after, f.armed = status, code, after, true
}

func (f *faulty) happened() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.armed
}

// permanentErrors are some that no repeating mends: the statement, the table, the rights or the rows are wrong.
func permanentErrors() []int32 {
	return []int32{6, 10, 16, 27, 36, 47, 53, 60, 62, 81, 115, 117, 122, 192, 194, 349, 497, 516, 1002}
}

// TestEveryErrorIsTriedAgainOrNot has the server answer an insert with each error there is a rule for, before it has carried
// it out and after.
func TestEveryErrorIsTriedAgainOrNot(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, embeddedtest.ClickHouse(t).URL(), httptest.NewServer)
	db := openAt(t, f.URL)
	fixture, retried := newFixture(), 0
	pace := testPace()
	pace.InsertLifetime = 30 * time.Second
	s := fixture.sink(t, db, SinkConfig{Pace: pace, Retried: func(string, error) { retried++ }})
	next := int64(0)
	try := func(name string, status int, code int32, after, passes bool) {
		t.Helper()
		retried = 0
		f.arm(status, code, after)
		first := next
		next += 10
		_, err := s.Insert(t.Context(), always, fixture.batch(0, first, next-1))
		if !f.happened() {
			t.Fatalf("%s: there was no fault: the test proves nothing", name)
		}
		var n uint64
		if e := db.Row(t.Context(), "SELECT count() FROM entries_g1 WHERE offset >= ?", first).Scan(&n); e != nil {
			t.Fatal(e)
		}
		switch {
		case passes && (err != nil || retried != 1 || n != 10):
			t.Errorf("%s: %d rows after %d repetitions, %v", name, n, retried, err)
		case !passes && (err == nil || errors.Is(err, ErrUnavailable) || retried != 0):
			t.Errorf("%s: it was to stop at once, and came to %v after %d repetitions", name, err, retried)
		}
	}
	for _, after := range []bool{false, true} {
		for _, e := range PassingErrors() {
			try(fmt.Sprintf("%s, carried out: %t", e.Name, after), http.StatusInternalServerError, e.Code, after, true)
		}
		for _, status := range PassingStatuses() {
			try(fmt.Sprintf("status %d, carried out: %t", status, after), status, 0, after, true)
		}
	}
	for _, code := range permanentErrors() {
		try(fmt.Sprint("code ", code), http.StatusInternalServerError, code, false, false)
	}
	for _, status := range []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusRequestEntityTooLarge, http.StatusInternalServerError} {
		try(fmt.Sprint("status ", status), status, 0, false, false)
	}
}

func (f *faulty) disarm() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = false
}

// behind returns db's database as it is reached through a server that fails what is meant.
func behind(t *testing.T, db *DB, stays bool, meant func(query string) bool) (*faulty, *DB) {
	t.Helper()
	f := newFaulty(t, db.cfg.URL, httptest.NewServer)
	f.meant, f.stays = meant, stays
	through, err := Open(t.Context(), Config{URL: f.URL, Database: db.cfg.Database})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := through.Close(); err != nil {
			t.Error(err)
		}
	})
	return f, through
}

// soon returns what do does, which must come to an end though ClickHouse does not come back.
func soon(t *testing.T, do func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-time.After(2 * time.Minute):
		t.Fatal("it waits for a ClickHouse that does not come back")
		return nil
	}
}

// testUnansweredLookUp repeats a range whose rows nobody can look for. Whoever has the partition must get it back.
func testUnansweredLookUp(t *testing.T, db *DB) {
	f := newFixture()
	server, through := behind(t, db, true, func(query string) bool { return strings.Contains(query, "GROUP BY offset") })
	s := f.sink(t, through, SinkConfig{Pace: testPace()})
	b := f.batch(0, 0, 9)
	insert(t, s, b)
	b.Again = true
	server.arm(http.StatusServiceUnavailable, 0, false)
	err := soon(t, func() error { _, err := s.Insert(t.Context(), always, b); return err })
	if !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v, want that it is tried again later", err)
	}
	server.disarm()
	insert(t, s, b)
	if n, _ := count(t, db, "entries_g1"); n != 10 {
		t.Errorf("%d rows, want 10", n)
	}
}

// testBusyWhileASinkOpens has ClickHouse be too slow for the first question of a sink: a view must not stop for that. What
// does not pass by itself stops it at once.
func testBusyWhileASinkOpens(t *testing.T, db *DB) {
	f := newFixture()
	server, through := behind(t, db, false, func(query string) bool { return strings.Contains(query, "system.columns") })
	server.arm(http.StatusInternalServerError, 159, false) // TIMEOUT_EXCEEDED
	f.sink(t, through, SinkConfig{Pace: testPace()})
	if !server.happened() {
		t.Error("nothing went wrong: this shows nothing")
	}
	g, _, err := db.Serving(t.Context(), f.view.Name)
	if err != nil {
		t.Fatal(err)
	}
	server.arm(http.StatusInternalServerError, 497, false) // ACCESS_DENIED
	err = soon(t, func() error {
		_, err := through.NewSink(t.Context(), f.view, g, SinkConfig{Pace: testPace()})
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "grant") {
		t.Errorf("got %v", err)
	}
}

// testUnansweredRelease releases a claim while nobody can be asked whose it is. It has ended by itself by then.
func testUnansweredRelease(t *testing.T, db *DB) {
	server, through := behind(t, db, true, func(query string) bool { return strings.Contains(query, "claims") })
	claim, _, err := through.Claim(t.Context(), "books", "ada", 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	server.arm(http.StatusServiceUnavailable, 0, false)
	if err := soon(t, func() error { return claim.Release(t.Context()) }); err == nil || !strings.Contains(err.Error(), "ends by itself in 2s") {
		t.Errorf("got %v", err)
	}
}

// testLostWatermark has the newest watermark not be written at first, behind which nothing more comes.
func testLostWatermark(t *testing.T, db *DB) {
	newFixture().sink(t, db, SinkConfig{Pace: testPace()})
	server, through := behind(t, db, false, func(query string) bool { return strings.HasPrefix(query, "INSERT INTO watermark_rows") })
	server.arm(http.StatusServiceUnavailable, 0, false)
	w, done := through.NewWatermarks(), make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() { done <- w.Run(ctx) }()
	w.Publish(Watermark{View: "entries", Generation: 1, Context: "bank", Partition: 3, Next: 10})
	err := soon(t, func() error {
		return db.WaitFor(t.Context(), "entries", es.Position{Context: "bank", Partition: 3, Offset: 9})
	})
	if err != nil || !server.happened() {
		t.Errorf("after a fault (%t): %v", server.happened(), err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// testWaitingWhileItIsAway has somebody wait while ClickHouse can't answer, whom it must not cost its return.
func testWaitingWhileItIsAway(t *testing.T, db *DB) {
	var asked atomic.Int64
	server, through := behind(t, db, true, func(query string) bool {
		if !strings.Contains(query, "watermark_rows") {
			return false
		}
		asked.Add(1)
		return true
	})
	server.arm(http.StatusServiceUnavailable, 0, false)
	const patience = 3 * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := through.WaitFor(ctx, "entries", es.Position{Context: "bank", Partition: 3, Offset: 9})
	if n := asked.Load(); !errors.Is(err, context.DeadlineExceeded) || n == 0 || n > 20 {
		t.Errorf("asked %d times in %v, %v", n, patience, err)
	}
}

// cut is a server that stops answering when it is told to.
func cut(t *testing.T, to string) *httptest.Server {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(target)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = target.Host
		forward.ServeHTTP(w, r)
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	t.Cleanup(s.Close)
	return s
}
