package ingest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"recount/internal/kafka"
)

// live is a server that listens.
type live struct {
	s       *Server
	address string
	stop    func() // begins the drain
	ended   chan error
	client  *http.Client
}

func startServer(t *testing.T, b *bank, edit ...func(*Config)) *live {
	t.Helper()
	cfg := Config{Codec: b.codec, Contexts: []string{"bank"}, Partitions: testPartitions, Publisher: b, Replies: b}
	for _, e := range edit {
		e(&cfg)
	}
	s, err := NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := s.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	l := &live{s: s, address: ln.Addr().String(), stop: stop, ended: make(chan error, 1), client: &http.Client{Transport: &http.Transport{}}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.ended <- s.Serve(ctx, ln)
	}()
	t.Cleanup(func() {
		stop()
		<-done
		l.client.CloseIdleConnections()
	})
	<-b.running
	return l
}

// do sends a request over the network; status 0: there was no answer.
func (l *live) do(t *testing.T, c call) answer {
	t.Helper()
	r, err := http.NewRequest(c.method, "http://"+l.address+c.path, strings.NewReader(c.body))
	if err != nil {
		t.Error(err)
		return answer{}
	}
	for name, value := range c.header {
		r.Header.Set(name, value)
	}
	res, err := l.client.Do(r)
	if err != nil {
		return answer{raw: err.Error()}
	}
	defer res.Body.Close()
	return readAnswer(t, res)
}

func (l *live) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-l.ended:
		return err
	case <-time.After(2 * time.Minute):
		t.Fatal("Serve did not return")
		return nil
	}
}

func TestADrainFinishesWhatHasBegunAndFlushes(t *testing.T) {
	t.Parallel()
	b, release := held(t)
	var flushed atomic.Bool
	b.flush = func(context.Context) error { flushed.Store(true); return nil }
	l := startServer(t, b)
	answers := make(chan answer, 2)
	go func() { answers <- l.do(t, post("/v1/bank/account/a/open", openAccount)) }()
	go func() { answers <- l.do(t, ask("/v1/bank/account/b/open", openAccount)) }()
	eventually(t, "both are in", func() bool { return l.s.load.inFlight() == 2 })
	if err := l.s.Ready(); err != nil {
		t.Errorf("before the drain: %v", err)
	}

	l.stop()
	eventually(t, "the drain begins", func() bool { return isClosed(l.s.draining) })
	if l.s.Ready() == nil {
		t.Error("a draining server says that it is ready")
	}
	eventually(t, "nobody new is let in", func() bool {
		a := l.do(t, post("/v1/bank/account/c/open", openAccount))
		return a.status == 0
	})
	if flushed.Load() {
		t.Error("the publisher was flushed before the requests were finished")
	}
	release()
	got := map[int]bool{}
	for range 2 {
		got[(<-answers).status] = true
	}
	if !got[http.StatusAccepted] || !got[http.StatusOK] {
		t.Errorf("what had begun was answered with %v", got)
	}
	if err := l.wait(t); err != nil || !flushed.Load() {
		t.Errorf("Serve: %v; flushed: %v", err, flushed.Load())
	}
}

func TestADrainDoesNotWaitForOutcomesForLong(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	b.mute = true
	l := startServer(t, b, func(c *Config) { c.DrainTimeout = 2 * time.Second })
	answers := make(chan answer, 1)
	go func() { answers <- l.do(t, ask("/v1/bank/account/a/open", openAccount)) }()
	eventually(t, "it waits", func() bool { return len(b.commands()) == 1 })
	started := time.Now()
	l.stop()
	a := <-answers
	a.check(t, want{status: http.StatusAccepted})
	if err := l.wait(t); err != nil {
		t.Errorf("Serve: %v", err)
	}
	if took := time.Since(started); took > time.Minute {
		t.Errorf("it took %v", took)
	}
}

func TestADrainThatTakesTooLongSaysWhatWasCut(t *testing.T) {
	t.Parallel()
	b, _ := held(t)
	b.flush = func(context.Context) error { return errors.New("still buffered") }
	l := startServer(t, b, func(c *Config) { c.DrainTimeout = 200 * time.Millisecond })
	go l.do(t, post("/v1/bank/account/a/open", openAccount))
	eventually(t, "it is in", func() bool { return l.s.load.inFlight() == 1 })
	l.stop()
	err := l.wait(t)
	if err == nil || !strings.Contains(err.Error(), "1 requests were cut off") || !strings.Contains(err.Error(), "still buffered") {
		t.Fatalf("Serve: %v", err)
	}
}

func TestADrainingServerTakesNoNewCommandOnAnOldConnection(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	s := newServer(t, b)
	close(s.draining)
	post("/v1/bank/account/a/open", openAccount).do(t, s).check(t, want{status: http.StatusServiceUnavailable, code: CodeDraining})
	if n := len(b.commands()); n != 0 {
		t.Errorf("%d commands were published", n)
	}
}

func TestAServerServesOnce(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	l := startServer(t, b)
	ln, err := l.s.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.s.Serve(t.Context(), ln); err == nil {
		t.Error("it served twice")
	}
}

func TestAServerThatLosesItsListenerSaysSo(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	s, err := NewServer(Config{Codec: b.codec, Contexts: []string{"bank"}, Partitions: 1, Publisher: b})
	if err != nil {
		t.Fatal(err)
	}
	if s.Ready() == nil {
		t.Error("it is ready before it serves")
	}
	ln, err := s.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closeListener(t, ln)
	if err := s.Serve(t.Context(), ln); err == nil || !strings.Contains(err.Error(), ln.Addr().String()) {
		t.Fatalf("Serve: %v", err)
	}
}

func TestAHandlerThatPanicsCostsOneRequest(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	b.tamper = func(c kafka.Command, _ func(int32, int64, error)) bool {
		if string(c.Key) == "bug" {
			panic("a bug")
		}
		return true
	}
	var log syncBuilder
	l := startServer(t, b, logTo(&log))
	l.do(t, ask("/v1/bank/account/bug/open", openAccount)).check(t, want{status: http.StatusInternalServerError, code: CodeInternal})
	l.do(t, ask("/v1/bank/account/a/open", openAccount)).check(t, want{status: http.StatusOK})
	if n := l.s.load.inFlight(); n != 0 || len(l.s.waiters.waiting) != 0 {
		t.Errorf("%d requests and %d waiters are left behind", n, len(l.s.waiters.waiting))
	}
	if said := log.String(); !strings.Contains(said, "a bug") || !strings.Contains(said, "serve_test.go") {
		t.Errorf("the log does not say where: %s", said)
	}
}

// Half an answer must not look like a whole one.
func TestAPanicInTheMiddleOfAnAnswerCutsIt(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	l := startServer(t, b, func(c *Config) {
		c.Routes = map[string]http.Handler{"/half": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "half")
			http.NewResponseController(w).Flush()
			panic("a bug")
		})}
	})
	res, err := l.client.Get("http://" + l.address + "/half")
	if err == nil {
		_, err = io.ReadAll(res.Body)
		res.Body.Close()
	}
	if err == nil {
		t.Fatal("half an answer looked like a whole one")
	}
}

func TestACallerWhoLeavesLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	b.mute = true
	l := startServer(t, b)
	conn, err := net.Dial("tcp", l.address)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /v1/bank/account/a/open HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nPrefer: wait=30\r\nContent-Length: %d\r\n\r\n%s", len(openAccount), openAccount)
	eventually(t, "it waits", func() bool { return len(b.commands()) == 1 })
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, "it is forgotten", func() bool { return l.s.load.inFlight() == 0 })
}

func TestAConnectionThatSendsNoHeadersIsClosed(t *testing.T) {
	t.Parallel()
	l := startServer(t, newBank(t))
	conn, err := net.Dial("tcp", l.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "POST /v1/bank/account/a/open HTTP/1.1\r\nHost: localh")
	conn.SetReadDeadline(time.Now().Add(readHeaderTimeout + 10*time.Second))
	if _, err := bufio.NewReader(conn).ReadString(0); !errors.Is(err, io.EOF) {
		t.Fatalf("it was not closed: %v", err)
	}
}
