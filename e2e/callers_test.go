//go:build e2e

package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"recount/e2e/fleet"
	"recount/e2e/script"
	"recount/internal/es"
)

// callers send commands over HTTP, each about accounts of its own, one after another: whoever gets no answer sends the
// same again, to whatever server answers, until one does. What they are told must be what is recorded.
type callers struct {
	world   *world
	servers []*fleet.Member
	scripts []*script.Script
	client  *http.Client
	cancel  context.CancelFunc
	all     sync.WaitGroup
	err     atomic.Pointer[error] // the first

	answered, waited, again atomic.Int64
}

const (
	callerPrefix   = "caller-"
	callersCount   = 4
	callerAccounts = 25
	callerPause    = 30 * time.Millisecond
	// callerPatience is how long a caller waits for an answer before it asks again. A server may be frozen.
	callerPatience = 6 * time.Second
)

// call begins to send.
func (w *world) call(servers ...*fleet.Member) *callers {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	c := &callers{world: w, servers: servers, cancel: cancel, client: &http.Client{Timeout: callerPatience, Transport: &http.Transport{}}}
	w.calling = c
	for n := range callersCount {
		s := script.New(script.Options{
			Seed: w.seed + uint64(n), Accounts: callerAccounts, Prefix: fmt.Sprint(callerPrefix, n, "-"),
			Partitions: partitions, Codec: w.codec, Repeatable: true,
		})
		c.scripts = append(c.scripts, s)
		random := rand.New(rand.NewPCG(w.seed, uint64(n)))
		c.all.Go(func() { c.run(ctx, s, random) })
	}
	w.t.Cleanup(func() { cancel(); c.all.Wait(); c.client.CloseIdleConnections() })
	return c
}

// run sends for as long as it is wanted, and finishes what it has begun: a command that may have arrived can't be taken back.
func (c *callers) run(ctx context.Context, s *script.Script, random *rand.Rand) {
	for ctx.Err() == nil && c.err.Load() == nil {
		m, err := s.Next()
		if err == nil {
			err = c.send(context.WithoutCancel(ctx), m.Request, random)
		}
		if err != nil {
			err = fmt.Errorf("command %s of %s: %w", m.Request.CommandID, m.Request.ID, err)
			c.err.CompareAndSwap(nil, &err)
			return
		}
		c.answered.Add(1)
		time.Sleep(callerPause)
	}
}

// send sends a command until it is answered.
func (c *callers) send(ctx context.Context, r script.Request, random *rand.Rand) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	wait := random.IntN(4) == 0
	for {
		url := c.servers[random.IntN(len(c.servers))].API()
		var again error
		if url == "" {
			again = errors.New("no server has told where it is")
		} else {
			done, err := c.post(ctx, url, r, wait)
			if done {
				return err
			}
			again = err
		}
		c.again.Add(1)
		select {
		case <-ctx.Done():
			return fmt.Errorf("not answered within %v: %w", patience, again)
		case <-time.After(callerPause):
		}
	}
}

// post sends a command once. done: it was answered, and the error says what is wrong with the answer.
func (c *callers) post(ctx context.Context, url string, r script.Request, wait bool) (done bool, err error) {
	kind := strings.Split(r.Type, ".")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("%s/v1/%s/%s/%s/%s", url, kind[0], kind[1], r.ID, kind[2]), bytes.NewReader(r.Data))
	if err != nil {
		return true, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", r.CommandID)
	if r.Expected != nil {
		req.Header.Set("If-Match", strconv.Quote(strconv.FormatInt(*r.Expected, 10)))
	}
	if wait {
		req.Header.Set("Prefer", "wait=2")
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return false, err
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return false, err
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return false, fmt.Errorf("%s: %s", resp.Status, body)
	case http.StatusAccepted:
		return true, nil
	}
	c.waited.Add(1)
	return true, told(r.Want, resp.Status, body)
}

// told compares an answer with what a caller must be told.
func told(want script.Answer, status string, body []byte) error {
	var got struct {
		Outcome es.Outcome
		Code    string
		Version int64
	}
	if err := json.Unmarshal(body, &got); err != nil {
		return fmt.Errorf("%s: %s: %w", status, body, err)
	}
	if is := (script.Answer{Outcome: got.Outcome, Code: got.Code, Version: got.Version}); is != want {
		return fmt.Errorf("%s: its caller is told %+v, not %+v: %s", status, is, want, body)
	}
	return nil
}

func (c *callers) check() {
	c.world.t.Helper()
	if err := c.err.Load(); err != nil {
		c.world.t.Fatalf("calling: %v", *err)
	}
}

// progress waits until callers were answered that had not been yet.
func (c *callers) progress() {
	c.world.t.Helper()
	const more = 2 * callersCount
	before := c.answered.Load()
	c.world.eventually("callers are answered", func(context.Context) error {
		if n := c.answered.Load() - before; n < more {
			return fmt.Errorf("%d of %d", n, more)
		}
		return nil
	})
}

// end sends no more, and waits until everything is answered.
func (c *callers) end() {
	c.world.t.Helper()
	c.cancel()
	c.all.Wait()
	c.check()
	c.world.t.Logf("%d requests were answered, %d of them with the outcome; %d were sent again", c.answered.Load(), c.waited.Load(), c.again.Load())
}

// expect adds what must come of the callers' commands.
func (c *callers) expect(of *script.Expected) {
	for _, s := range c.scripts {
		of.Add(s.Expected())
	}
}
