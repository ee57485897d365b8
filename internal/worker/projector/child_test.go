package projector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/worker/parking"
)

// childVariable makes this test's program a projector that kills itself at a point.
const childVariable = "PROJECTOR_TEST_CHILD"

type childConfig struct {
	Brokers       []string
	URL, Database string
	Records       int
	Point         string
	// Picky projects the view that can't map everything, mended or not.
	Picky, Mended  bool
	WithoutParking parking.Guard
	// Storm makes it a member like others, with no proxy in its own process, for as long as it lives.
	Storm        bool
	Nth          int64 // the point at which it dies; the ones before are passed
	WithoutRange kafka.RangeGuard
	WithoutSink  clickhouse.SinkGuard
}

const (
	beforeDeclaring = "before declaring"
	declared        = "declared, nothing inserted"
	halfInserted    = "half of the tables inserted"
	unacknowledged  = "inserted, the answer lost"
	unconfirmed     = "inserted, not confirmed"

	parkedUnsent = "parked, not written down"
	parkedAlone  = "what is parked written down, no row inserted"
	rowsAlone    = "rows inserted, the answer lost"
)

// runChild projects until its parent closes its input.
func runChild(config string) int {
	var c childConfig
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	err := json.Unmarshal([]byte(config), &c)
	if err == nil {
		go func() { _, _ = io.Copy(io.Discard, os.Stdin); cancel() }()
		err = c.project(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (c childConfig) project(ctx context.Context) error {
	left := &atomic.Int64{}
	left.Store(c.Nth)
	at := func(point string) {
		if point == c.Point && left.Add(-1) == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // the signal is on its way
		}
	}
	address := c.URL
	if !c.Storm {
		proxy := dyingProxy(c.URL, at)
		defer proxy.Close()
		address = proxy.URL
	}
	db, err := clickhouse.Open(ctx, clickhouse.Config{URL: address, Database: c.Database})
	if err != nil {
		return err
	}
	w := &world{kafka: kafka.Config{Brokers: c.Brokers}, db: db, database: c.Database}
	cfg := w.config(ledgerOnly())
	if c.Picky {
		cfg.Contexts = []es.Context{picky(c.Mended)}
	}
	if c.Storm {
		cfg.InstanceID, cfg.SessionTimeout, cfg.InsertLifetime = "", stormSession, stormLifetime
	}
	cfg.WithoutParking = c.WithoutParking
	cfg.Limits.Records = c.Records
	cfg.Codec, cfg.Observer = dyingCodec{at: at}, dyingObserver{at: at}
	cfg.WithoutRange, cfg.WithoutSink = c.WithoutRange, c.WithoutSink
	p, err := New(cfg)
	if err != nil {
		return err
	}
	go func() {
		for p.Ready() != nil {
			time.Sleep(5 * time.Millisecond)
		}
		_ = os.Stdout.Close() // so that the parent knows
	}()
	return errors.Join(p.Run(ctx), db.Close())
}

// dyingProxy stands between the projector and ClickHouse and sees every insert.
func dyingProxy(to string, at func(string)) *httptest.Server {
	target, err := url.Parse(to)
	if err != nil {
		panic(err)
	}
	forward := httputil.NewSingleHostReverseProxy(target)
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query().Get("query")
		first, second := strings.Contains(query, ".ledger_g1"), strings.Contains(query, ".newest_g1")
		parks, rows := strings.Contains(query, "INTO parked_rows"), strings.Contains(query, "INTO") && strings.Contains(query, ".picky_g1")
		r.Host = target.Host
		switch {
		case parks:
			at(parkedUnsent)
		case first:
			at(declared)
		case second:
			at(halfInserted)
		}
		forward.ServeHTTP(dyingWriter{w, func() {
			switch {
			case second:
				at(unacknowledged)
			case parks:
				at(parkedAlone)
			case rows:
				at(rowsAlone)
			}
		}}, r)
	}))
}

// dyingWriter notices the answer before anybody reads it.
type dyingWriter struct {
	http.ResponseWriter
	answer func()
}

func (w dyingWriter) WriteHeader(status int) { w.answer(); w.ResponseWriter.WriteHeader(status) }

type dyingCodec struct {
	textCodec
	at func(string)
}

func (c dyingCodec) Recorded(ctx string, s es.Stream, p int32, o, ms int64, k, v []byte, h []engine.Header) (es.Recorded, error) {
	c.at(beforeDeclaring)
	return c.textCodec.Recorded(ctx, s, p, o, ms, k, v, h)
}

type dyingObserver struct {
	unobserved
	at func(string)
}

func (o dyingObserver) Range(string, string, RangeStats) { o.at(unconfirmed) }

// child is one life of a projector in a process of its own.
type child struct {
	*exec.Cmd
	stdin io.Closer
	log   strings.Builder
	ready atomic.Bool
	done  chan error
}

func (w *world) spawn(c childConfig) *child {
	w.t.Helper()
	c.Brokers, c.URL, c.Database = w.kafka.Brokers, w.url, w.database
	config, err := json.Marshal(c)
	if err != nil {
		w.t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	p := &child{Cmd: exec.Command(exe), done: make(chan error, 1)}
	p.Env = append(os.Environ(), childVariable+"="+string(config))
	p.Stderr = &p.log
	stdin, err1 := p.StdinPipe()
	stdout, err2 := p.StdoutPipe()
	if err := errors.Join(err1, err2, p.Start()); err != nil {
		w.t.Fatal(err)
	}
	p.stdin = stdin
	go func() {
		_, _ = io.Copy(io.Discard, stdout)
		p.ready.Store(true)
		p.done <- p.Wait()
	}()
	return p
}

// outlive lets a life end as it will: killed, or in order once it is over.
func (w *world) outlive(p *child, over func() bool) error {
	w.t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; {
		select {
		case err := <-p.done:
			var exit *exec.ExitError
			if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
				return nil
			}
			if err != nil {
				return fmt.Errorf("%w: %s", err, &p.log)
			}
			return nil
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(end) {
			return errors.Join(fmt.Errorf("a life took too long: %s", &p.log), p.Process.Kill(), <-p.done)
		}
		if p.ready.Load() && over() {
			_ = p.stdin.Close() // it may just have died
		}
	}
}

// lives lets projectors be killed at a point until everything is in, and says whether it is there exactly once.
func lives(t *testing.T, url string, c childConfig) error {
	w := newWorld(t, url)
	w.produce(50)
	deaths := 0
	for life := 0; !w.complete(); life++ {
		if life > 20 {
			return errors.New("it makes no progress")
		}
		c.Records, c.Nth = 10+3*(life%4), int64(2+life%2)
		if c.Point == beforeDeclaring {
			c.Nth *= 25 // records, not ranges
		}
		if err := w.outlive(w.spawn(c), w.complete); err != nil {
			return err
		}
		deaths++
	}
	// One more life, in which nobody dies, repeats what the last one may have left.
	c.Point = ""
	if err := w.outlive(w.spawn(c), w.complete); err != nil {
		return err
	}
	if deaths < 2 {
		return fmt.Errorf("only %d lives: the test proves nothing", deaths)
	}
	return w.exact()
}

func TestAProjectorKilledAtAnyPointLeavesEachRowOnce(t *testing.T) {
	t.Parallel()
	url := embeddedtest.ClickHouse(t).URL()
	for _, point := range []string{beforeDeclaring, declared, halfInserted, unacknowledged, unconfirmed} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			if err := lives(t, url, childConfig{Point: point}); err != nil {
				t.Error(err)
			}
		})
	}
	for name, c := range map[string]childConfig{
		"without the token":      {Point: unacknowledged, WithoutSink: clickhouse.GuardToken | clickhouse.GuardLookup},
		"without declaring":      {Point: unacknowledged, WithoutRange: kafka.GuardDeclare},
		"half without declaring": {Point: halfInserted, WithoutRange: kafka.GuardDeclare},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := lives(t, url, c); err == nil {
				t.Error("nothing is doubled: the test proves nothing")
			} else {
				t.Log(err)
			}
		})
	}
}
