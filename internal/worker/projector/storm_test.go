package projector

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/embedded"
	"recount/internal/es"
)

// TestAStormLeavesEachRowOnce has every fault come over two projectors while events come, some of them twice.
func TestAStormLeavesEachRowOnce(t *testing.T) {
	t.Parallel()
	if err := newStorm(t, 0).rage(10); err != nil {
		t.Error(err)
	}
}

// TestAStormIsNoticed: where the rows of a range that comes again are not looked for, and its token is forgotten, they are
// there twice soon.
func TestAStormIsNoticed(t *testing.T) {
	t.Parallel()
	s := newStorm(t, clickhouse.GuardLookup)
	s.faults = map[string]func(){"a projector is killed": s.killProjector}
	if err := s.rage(20); !errors.Is(err, errDoubled) {
		t.Errorf("nothing is doubled (%v): the storm proves nothing", err)
	}
}

var errDoubled = errors.New("rows are there twice")

const (
	stormSession  = 2 * time.Second
	stormLifetime = time.Second
	// stormFreeze is longer than both, so that others have taken over and no insert of the sleeper may be sent any more.
	stormFreeze = 4 * time.Second
	// stormWindow is how many inserts the tables remember: whoever is away misses more of them.
	stormWindow = 5
	stormPace   = 50 * time.Millisecond
)

// storm is a world in which everything breaks: projectors in processes of their own, a ClickHouse that is killed, and a
// line between them that is cut.
type storm struct {
	*world
	random  *rand.Rand
	without clickhouse.SinkGuard
	faults  map[string]func() // what may happen, by name
	engine  *embedded.ClickHouse
	options embedded.ClickHouseOptions
	line    *line
	members []*child
	struck  int
	feeding sync.Mutex // holds what is fed still
}

func newStorm(t *testing.T, without clickhouse.SinkGuard) *storm {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	s := &storm{random: rand.New(rand.NewPCG(seed, 0)), without: without | clickhouse.GuardWindow}
	s.faults = s.allFaults()
	s.engine, s.options = startEngine(t)
	s.line = newLine(t, s.engine.URL())
	s.world = newWorld(t, s.line.URL)
	t.Cleanup(func() {
		for _, m := range s.members {
			_ = m.Process.Kill() // it may have ended
			<-m.done
		}
		if err := errors.Join(s.engine.Err(), s.engine.Kill()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *storm) allFaults() map[string]func() {
	return map[string]func(){
		"a projector is killed":                          s.killProjector,
		"ClickHouse is killed":                           s.killEngine,
		"connections break behind what was inserted":     s.cutLine,
		"what was inserted comes again in other ranges":  s.rewind,
		"a third one joins and leaves":                   s.rebalance,
		"a projector sleeps past what tables remember":   s.freeze,
		"all are away for longer than tables remember":   s.outage,
		"a projector is killed and comes back at once":   s.killAgain,
		"a projector is stopped, and another comes":      s.replace,
		"ClickHouse is killed together with a projector": s.killBoth,
	}
}

// rage has so many rounds of a fault each, none of them again before all have come, and says whether every row is there once.
func (s *storm) rage(rounds int) error {
	s.t.Helper()
	s.begin()
	feeding, stop := context.WithCancel(s.t.Context())
	fed := make(chan struct{})
	go func() { defer close(fed); s.feed(feeding) }()
	defer func() { stop(); <-fed }()
	var due []string
	for range rounds {
		if len(due) == 0 {
			due = slices.Collect(maps.Keys(s.faults))
			s.random.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] })
		}
		s.progress()
		s.t.Log(due[0])
		s.faults[due[0]]()
		due = due[1:]
		if err := s.once(); err != nil {
			return err
		}
	}
	s.progress()
	stop()
	<-fed
	eventually(s.t, "all is in", s.complete)
	for len(s.members) > 0 {
		s.leave()
	}
	cuts := s.line.cuts.Load()
	s.t.Logf("%d rows of %d events, after %d faults and %d connections broken behind an insert", s.rows(), len(s.log), s.struck, cuts)
	if rounds >= len(s.faults) && cuts == 0 || s.struck < rounds {
		s.t.Errorf("%d faults and %d broken connections: the test proves nothing", s.struck, cuts)
	}
	return errors.Join(s.once(), s.exact())
}

// begin has two members at work on tables that remember little.
func (s *storm) begin() {
	s.t.Helper()
	s.join()
	eventually(s.t, "the tables are there", s.members[0].ready.Load)
	for _, table := range []string{"ledger_g1", "newest_g1"} {
		if err := s.db.Exec(s.t.Context(), fmt.Sprintf("ALTER TABLE %s MODIFY SETTING non_replicated_deduplication_window = %d", table, stormWindow)); err != nil {
			s.t.Fatal(err)
		}
	}
	s.join()
}

// feed writes events until ctx ends.
func (s *storm) feed(ctx context.Context) {
	for ctx.Err() == nil {
		s.feeding.Lock()
		s.produce(5)
		s.feeding.Unlock()
		time.Sleep(stormPace)
	}
}

func (s *storm) join() {
	s.t.Helper()
	s.members = append(s.members, s.spawn(childConfig{Records: 10, Storm: true, WithoutSink: s.without}))
}

// leave has the oldest member end in order.
func (s *storm) leave() {
	s.t.Helper()
	m := s.members[0]
	_ = m.stdin.Close()
	if err := <-m.done; err != nil {
		s.t.Errorf("a projector ended with %v: %s", err, &m.log)
	}
	s.members = s.members[1:]
}

// die has the oldest member end at once.
func (s *storm) die() {
	s.t.Helper()
	m := s.members[0]
	if err := m.Process.Kill(); err != nil {
		s.t.Fatalf("it is gone already: %s", &m.log)
	}
	<-m.done
	s.members = s.members[1:]
	s.struck++
}

func (s *storm) someTime(most time.Duration) { time.Sleep(time.Duration(s.random.Int64N(int64(most)))) }

func (s *storm) killProjector() { s.die(); s.someTime(stormSession); s.join() }
func (s *storm) killAgain()     { s.die(); s.join(); s.someTime(stormSession / 2); s.die(); s.join() }
func (s *storm) replace()       { s.leave(); s.join(); s.struck++ }
func (s *storm) rebalance()     { s.join(); s.progress(); s.leave(); s.struck++ }
func (s *storm) killBoth()      { s.die(); s.killEngine(); s.join() }

func (s *storm) killEngine() {
	s.t.Helper()
	if err := s.engine.Kill(); err != nil {
		s.t.Fatal(err)
	}
	s.someTime(stormLifetime / 2)
	var err error
	if s.engine, err = embedded.StartClickHouse(context.WithoutCancel(s.t.Context()), s.options); err != nil {
		s.t.Fatal(err)
	}
	s.struck++
}

// outage has nobody at work while a ClickHouse is gone, too, and then more inserts than the tables remember before the
// ranges that were begun come again.
func (s *storm) outage() {
	s.die()
	s.die()
	s.killEngine()
	time.Sleep(stormSession)
	s.join()
	s.join()
}

func (s *storm) cutLine() {
	s.t.Helper()
	before := s.line.cuts.Load()
	s.line.due.Store(3)
	eventually(s.t, "connections break", func() bool { return s.line.cuts.Load() >= before+3 })
	s.struck++
}

// freeze stops a projector wherever it is. The other takes over, and inserts more than tables remember; then the first wakes.
func (s *storm) freeze() {
	s.t.Helper()
	m := s.members[0]
	if err := m.Process.Signal(syscall.SIGSTOP); err != nil {
		s.t.Fatal(err)
	}
	before := s.rows()
	time.Sleep(stormFreeze)
	eventually(s.t, "the other has gone on for long", func() bool { return s.rows() > before+10*stormWindow*worldPartitions })
	if err := m.Process.Signal(syscall.SIGCONT); err != nil {
		s.t.Fatal(err)
	}
	s.struck++
}

// rewind inserts once more what is there: the newest rows of each partition, as a range of other bounds than they came with.
// That is what a group leads to that was put back to an earlier declaration.
func (s *storm) rewind() {
	s.t.Helper()
	view := ledgerView()
	g, _, err := s.db.Serving(s.t.Context(), view.Name)
	if err != nil {
		s.t.Fatal(err)
	}
	sink, err := s.db.NewSink(s.t.Context(), view, g, clickhouse.SinkConfig{Pace: s.config(ledgerOnly()).Pace(), Without: clickhouse.GuardWindow})
	if err != nil {
		s.t.Fatal(err)
	}
	for p := range int32(worldPartitions) {
		reached, err := s.db.Reached(s.t.Context(), g, "bank", p)
		if err != nil {
			s.t.Fatal(err)
		}
		b := clickhouse.Batch{Context: "bank", Partition: p, First: max(reached-25, 0), Last: reached - 1, Again: true, Rows: es.NewRows(view.Tables...)}
		s.feeding.Lock()
		for _, e := range s.log {
			if e.Partition != p || e.Offset < b.First || e.Offset > b.Last {
				continue
			}
			r := es.Recorded{Context: e.Context, Partition: p, Offset: e.Offset, Event: e.Amount}
			r.Meta.AggregateID, r.Meta.Version = e.Account, int64(e.Version)
			err = errors.Join(err, view.Map(r, b.Rows))
		}
		s.feeding.Unlock()
		_, insertErr := sink.Insert(s.t.Context(), func(try func() error) error { return try() }, b)
		if err := errors.Join(err, insertErr); err != nil {
			s.t.Fatal(err)
		}
	}
	s.struck++
}

func (s *storm) rows() (n uint64) {
	_ = s.db.Row(s.t.Context(), "SELECT count() FROM ledger_g1").Scan(&n) // 0 while ClickHouse is away
	return n
}

// progress waits until rows come in that were not there yet: a fault before would meet nobody at work.
func (s *storm) progress() {
	s.t.Helper()
	var before uint64
	eventually(s.t, "ClickHouse answers", func() bool { before = s.rows(); return before > 0 || s.struck == 0 })
	eventually(s.t, "rows come in", func() bool { return s.rows() > before })
}

// once returns errDoubled if a row is there twice.
func (s *storm) once() error {
	var rows, places uint64
	eventually(s.t, "ClickHouse answers", func() bool {
		return s.db.Row(s.t.Context(), "SELECT count(), uniqExact(partition, offset) FROM ledger_g1").Scan(&rows, &places) == nil
	})
	if rows != places {
		return fmt.Errorf("%w: %d rows of %d events", errDoubled, rows, places)
	}
	return nil
}

// line stands between projectors and ClickHouse, and breaks connections when the insert was carried out and nobody has
// been told.
type line struct {
	*httptest.Server
	due, cuts atomic.Int64
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	l := &line{}
	forward := httputil.NewSingleHostReverseProxy(target)
	forward.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = target.Host
		if query := r.URL.Query().Get("query"); strings.HasPrefix(query, "INSERT") && strings.Contains(query, "_g1") && l.due.Add(-1) >= 0 {
			forward.ServeHTTP(httptest.NewRecorder(), r)
			l.cuts.Add(1)
			panic(http.ErrAbortHandler)
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(l.Close)
	return l
}
