package rebuild

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/kafka"
	"recount/internal/worker/parking"
)

// childVariable makes this test's program a rebuild that kills itself at a point.
const childVariable = "REBUILD_TEST_CHILD"

type childConfig struct {
	Brokers       []string
	URL, Database string
	View          string
	Point         Point
	Nth           int64 // the time at which it dies; the ones before are passed
	From          clickhouse.Vector
	Keep          int
	Rollback      bool
	Bad           int64 // an amount that can't be mapped
	Without       Guard
	WithoutSink   clickhouse.SinkGuard
	WithoutPark   parking.Guard
}

// dying kills its process at a point.
type dying struct {
	unobserved
	point Point
	left  *atomic.Int64
}

func (d dying) At(_ string, p Point) {
	if p == d.point && d.left.Add(-1) == 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way
	}
}

// runChild rebuilds, waiting for the claim of whoever died before it.
func runChild(config string) int {
	var c childConfig
	err := json.Unmarshal([]byte(config), &c)
	if err == nil {
		for err = c.rebuild(); errors.Is(err, clickhouse.ErrClaimed); err = c.rebuild() {
			time.Sleep(100 * time.Millisecond)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (c childConfig) rebuild() (err error) {
	ctx := context.Background()
	db, err := clickhouse.Open(ctx, clickhouse.Config{URL: c.URL, Database: c.Database})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	w := &world{kafka: kafka.Config{Brokers: c.Brokers}, db: db, database: c.Database}
	m := first()
	m.Bad = c.Bad
	cfg := w.config(m)
	left := &atomic.Int64{}
	left.Store(max(c.Nth, 1))
	cfg.Observer, cfg.Without, cfg.Projector.WithoutSink, cfg.Projector.WithoutParking = dying{point: c.Point, left: left}, c.Without, c.WithoutSink, c.WithoutPark
	r, err := New(ctx, cfg)
	if err != nil {
		return err
	}
	if c.Rollback {
		_, err = r.Rollback(ctx, c.View, RollbackOptions{To: 1})
		return err
	}
	_, err = r.Rebuild(ctx, []string{c.View}, Options{From: c.From, Keep: c.Keep})
	return err
}

var errKilled = errors.New("killed")

// live runs a child to its end. It returns errKilled if it has killed itself.
func (c childConfig) live(w *world) error {
	c.Brokers, c.URL, c.Database = w.kafka.Brokers, w.url, w.database
	config, err := json.Marshal(c)
	if err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), 3*time.Minute)
	defer cancel()
	p := exec.CommandContext(ctx, exe)
	p.Env = append(os.Environ(), childVariable+"="+string(config))
	out, err := p.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() == nil && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return errKilled
	}
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// twoLives kills a rebuild at a point and lets a second one go on.
func twoLives(w *world, c childConfig) error {
	if err := c.live(w); !errors.Is(err, errKilled) {
		return fmt.Errorf("it was not killed: the test proves nothing: %w", err)
	}
	w.produce(30)
	if c.Point == Serves || c.Point == Trimmed {
		return nil // all is done: started again, it would begin a new one
	}
	c.Point = ""
	return c.live(w)
}

func TestARebuildKilledAtAnyPointIsGoneOnWith(t *testing.T) {
	t.Parallel()
	url := embeddedtest.ClickHouse(t).URL()
	for _, point := range Points() {
		t.Run(strings.ReplaceAll(string(point), ",", ""), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, url)
			w.begin(150)
			c := childConfig{View: ledger, Point: point}
			switch point {
			case Copied:
				c.View, c.From = plain, clickhouse.Vector{"bank": {0: 70, 1: 41, 2: 150}}
			case Inserted, Marked:
				c.Nth = 5
			case Replaced:
				c.Nth = 1 // the first of two names: they show different generations
			}
			if err := twoLives(w, c); err != nil {
				t.Fatal(err)
			}
			w.goneOn(c)
		})
	}
}

// goneOn checks what there is when a rebuild that was killed has come to its end.
func (w *world) goneOn(c childConfig) {
	w.t.Helper()
	w.produce(20)
	eventually(w.t, "the new generation is followed", func() bool { n, _ := w.count(c.View); return n >= uint64(w.events) })
	if n, sum := w.count(c.View); n != uint64(w.events) || sum != w.sum {
		w.t.Errorf("view %s has %d rows, sum %d; the topic %d events, sum %d", c.View, n, sum, w.events, w.sum)
	}
	eventually(w.t, "the views agree with the events", func() bool { return w.exact(1) == nil })
	all, err := w.db.Generations(w.t.Context(), c.View)
	last := 2
	if len(all) == 3 && (c.Point == Intended || c.Point == Replaced) && all[1].State == clickhouse.StateDropped {
		// When the dead one's claim had expired, the projector was faster than the second life and finished the switch: nothing
		// was left to go on with, and the second life began a rebuild of its own.
		last = 3
	}
	if err != nil || len(all) != last || all[0].State != clickhouse.StateDropped && c.Point != Serves || all[last-1].State != clickhouse.StateServing {
		w.t.Errorf("generations %+v, %v", all, err)
	}
	if g := w.shown(c.View); int(g) != last {
		w.t.Errorf("view %s shows generation %d", c.View, g)
	}
	var left uint64
	if err := w.db.Row(w.t.Context(), "SELECT count() FROM system.tables WHERE database = ? AND (name LIKE '%frozen' OR name = ?)", w.database, c.View+"_g1").Scan(&left); err != nil || left != 0 && c.Point != Serves {
		w.t.Errorf("%d tables are left behind, %v", left, err)
	}
}

func TestARollbackKilledAtAnyPointIsGoneOnWith(t *testing.T) {
	t.Parallel()
	url := embeddedtest.ClickHouse(t).URL()
	for _, point := range []Point{Followed, CaughtUp, Intended, Replaced, Serves} {
		t.Run(strings.ReplaceAll(string(point), ",", ""), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, url)
			w.begin(60)
			if _, err := w.rebuild(w.config(first()), Options{Keep: 1}); err != nil {
				t.Fatal(err)
			}
			w.produce(30)
			c := childConfig{View: ledger, Point: point, Rollback: true}
			if err := c.live(w); !errors.Is(err, errKilled) {
				t.Fatalf("it was not killed: the test proves nothing: %v", err)
			}
			c.Point = ""
			if err := c.live(w); err != nil {
				t.Fatal(err)
			}
			w.produce(20)
			eventually(t, "the old generation serves and is followed", func() bool { n, _ := w.count(ledger); return w.shown(ledger) == 1 && n >= uint64(w.events) })
			if err := w.exact(1); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestABlockInWorkIsLookedFor kills rebuilds with a block inserted and not marked. The block's token would drop it the
// second time; ClickHouse may have lost the token, so without it too each row has to be there once.
func TestABlockInWorkIsLookedFor(t *testing.T) {
	t.Parallel()
	url := embeddedtest.ClickHouse(t).URL()
	for name, c := range map[string]childConfig{
		"without the token":                {WithoutSink: clickhouse.GuardToken},
		"without the token and looking":    {WithoutSink: clickhouse.GuardToken, Without: GuardAgain},
		"without that and without compare": {WithoutSink: clickhouse.GuardToken, Without: GuardAgain | GuardCompare},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, url)
			w.begin(150)
			c.View, c.Point, c.Nth = plain, Inserted, 3
			err := twoLives(w, c)
			n, _ := w.count(plain)
			switch {
			case c.Without == 0 && (err != nil || n != uint64(w.events) || w.shown(plain) != 2):
				t.Errorf("%d rows of %d, generation %d, %v", n, w.events, w.shown(plain), err)
			case c.Without == GuardAgain && (err == nil || !strings.Contains(err.Error(), ErrDiffers.Error()) || w.shown(plain) != 1):
				t.Errorf("a block is there twice, and comparing said %v", err)
			case c.Without&GuardCompare != 0 && (err != nil || n == uint64(w.events)):
				t.Errorf("nothing is doubled: the test proves nothing (%v)", err)
			}
		})
	}
}
