package ingest

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"recount/internal/kafka"
)

// held is a bank whose broker acknowledges nothing until it is released.
func held(t *testing.T) (b *bank, release func()) {
	b = newBank(t)
	gate := make(chan struct{})
	b.tamper = func(c kafka.Command, done func(int32, int64, error)) bool {
		go func() {
			<-gate
			b.accept(c, done)
		}()
		return false
	}
	release = sync.OnceFunc(func() { close(gate) })
	t.Cleanup(release)
	return b, release
}

func TestCommandsBeyondTheBoundAreTurnedAway(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit func(*Config)
		wait bool
	}{
		"waiting for the broker":  {func(c *Config) { c.InFlightMax = 3 }, false},
		"waiting for the outcome": {func(c *Config) { c.InFlightMax = 3 }, true},
		"by the size of the bodies": {func(c *Config) {
			c.BodyBytesMax, c.InFlightBytesMax = int64(len(openAccount)), 3*int64(len(openAccount))+1
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const room = 3
			b, release := held(t)
			s := newServer(t, b, c.edit)
			request := post("/v1/bank/account/a/open", openAccount)
			if c.wait {
				request = ask("/v1/bank/account/a/open", openAccount)
			}
			answers := make(chan answer, room)
			for range room {
				go func() { answers <- request.do(t, s) }()
			}
			eventually(t, "the server fills up", func() bool { return s.load.inFlight() == room })
			a := request.do(t, s)
			a.check(t, want{status: http.StatusTooManyRequests, code: CodeOverloaded})
			if a.header.Get("Retry-After") == "" {
				t.Error("Retry-After is missing")
			}
			release()
			for range room {
				if a := <-answers; a.status >= 300 && a.status != http.StatusConflict { // only one can open the account
					t.Errorf("one that was let in: %d %s", a.status, a.raw)
				}
			}
			request.do(t, s).check(t, want{status: map[bool]int{false: http.StatusAccepted, true: http.StatusConflict}[c.wait]})
			if n := s.load.inFlight(); n != 0 || s.load.bytes != 0 {
				t.Errorf("%d requests and %d bytes are still counted", n, s.load.bytes)
			}
		})
	}
}

// A request that says nothing of its length must not slip under the bound.
func TestABodyOfUnknownLengthCountsInFull(t *testing.T) {
	t.Parallel()
	b, _ := held(t)
	s := newServer(t, b, func(c *Config) { c.BodyBytesMax, c.InFlightBytesMax = 1000, 1500 })
	go post("/v1/bank/account/a/open", openAccount).do(t, s)
	eventually(t, "the first is in", func() bool { return s.load.inFlight() == 1 })
	r := post("/v1/bank/account/a/open", openAccount).request()
	r.ContentLength = -1
	go serve(t, s, r)
	eventually(t, "the second is in", func() bool { return s.load.inFlight() == 2 })
	r = post("/v1/bank/account/a/open", openAccount).request()
	r.ContentLength = -1
	serve(t, s, r).check(t, want{status: http.StatusTooManyRequests})
}

func TestConfigurationsThatCannotWork(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	whole := Config{Codec: b.codec, Contexts: []string{"bank"}, Partitions: 1, Publisher: b, Replies: b}
	for says, edit := range map[string]func(*Config){
		"codec":              func(c *Config) { c.Codec = nil },
		"publisher":          func(c *Config) { c.Publisher = nil },
		"context":            func(c *Config) { c.Contexts = nil },
		"partition count":    func(c *Config) { c.Partitions = 0 },
		"largest body":       func(c *Config) { c.BodyBytesMax = kafka.RecordBytesMax + 1 },
		"commands in flight": func(c *Config) { c.InFlightMax = -1 },
		"bytes in flight":    func(c *Config) { c.InFlightBytesMax = 1 },
		"timeouts":           func(c *Config) { c.AckTimeout = -1 },
		"allowed a second":   func(c *Config) { c.WaitMax = time.Millisecond },
		"instance's name":    func(c *Config) { c.Replies = namedBank{b, "a/b"} },
		"can't be served":    func(c *Config) { c.Routes = map[string]http.Handler{"/openapi.json": http.NotFoundHandler()} },
	} {
		cfg := whole
		edit(&cfg)
		if _, err := NewServer(cfg); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	if _, err := NewServer(whole); err != nil {
		t.Errorf("one that can: %v", err)
	}
}

type namedBank struct {
	*bank
	name string
}

func (b namedBank) Instance() string { return b.name }
