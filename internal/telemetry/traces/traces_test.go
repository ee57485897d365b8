package traces

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"
)

// collectorStub takes what it is sent, or refuses it.
type collectorStub struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
	refuse   bool
}

func newCollector(t testing.TB) *collectorStub {
	c := &collectorStub{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.requests = append(c.requests, r)
		if c.refuse {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *collectorStub) got() []*http.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*http.Request(nil), c.requests...)
}

// traced follows as cfg says, and gives the spans that ended.
func traced(t testing.TB, cfg Config) (*Traces, func() tracetest.SpanStubs) {
	t.Helper()
	cfg.To = newCollector(t).URL
	made, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(made.Close)
	kept := tracetest.NewInMemoryExporter()
	made.provider.RegisterSpanProcessor(sdktrace.NewSimpleSpanProcessor(kept))
	return made, kept.GetSpans
}

func TestWithoutACollectorNothingIsFollowed(t *testing.T) {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_SDK_DISABLED"} {
		t.Setenv(name, "")
	}
	none, err := Open(t.Context(), Config{Service: "recount", Share: 1})
	if none != nil || err != nil {
		t.Fatalf("%v, %v", none, err)
	}
	if none.Decisions() != nil || none.Projections() != nil || none.Requests() != nil || none.Provider() != nil {
		t.Error("nobody is to be told, and yet somebody follows")
	}
	none.Close()
}

func TestTheStandardVariables(t *testing.T) {
	c := newCollector(t)
	said := &bytes.Buffer{}
	send := func(cfg Config) *http.Request {
		t.Helper()
		cfg.Log = slog.New(slog.NewTextHandler(said, nil))
		before := len(c.got())
		made, err := Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		_, s := made.tracer.Start(t.Context(), "x")
		s.End()
		made.Close()
		if got := c.got(); len(got) == before+1 {
			return got[before]
		}
		t.Fatalf("%d requests came", len(c.got())-before)
		return nil
	}
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20secret-42")
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.URL)
	if r := send(Config{Share: 1}); r.URL.Path != "/v1/traces" || r.Header.Get("Authorization") != "Bearer secret-42" {
		t.Errorf("%s with %v", r.URL, r.Header)
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", c.URL+"/mine")
	if r := send(Config{Share: 1}); r.URL.Path != "/mine" {
		t.Errorf("%s", r.URL)
	}
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1")
	for _, to := range []string{c.URL, c.URL + "/", c.URL + "/v1/traces"} {
		if r := send(Config{To: to, Share: 1}); r.URL.Path != "/v1/traces" {
			t.Errorf("%s, told %s", r.URL, to)
		}
	}
	if !strings.Contains(said.String(), c.URL) || strings.Contains(said.String(), "secret-42") {
		t.Errorf("the log says %s", said)
	}
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	if made, err := Open(t.Context(), Config{To: c.URL}); made != nil || err == nil || !strings.Contains(err.Error(), "http/protobuf") {
		t.Errorf("%v, %v", made, err)
	}
	t.Setenv("OTEL_SDK_DISABLED", "TRUE")
	if made, err := Open(t.Context(), Config{To: c.URL}); made != nil || err != nil {
		t.Errorf("disabled: %v, %v", made, err)
	}
}

// TestWhoSaysThatTheyAre: the variables win over what the program calls itself.
func TestWhoSaysThatTheyAre(t *testing.T) {
	service := func() string {
		of, err := describe(t.Context(), Config{Service: "recount-saga", Version: "1"})
		if err != nil {
			t.Fatal(err)
		}
		v, _ := of.Set().Value("service.name")
		return v.AsString()
	}
	if got := service(); got != "recount-saga" {
		t.Errorf("it is called %q", got)
	}
	t.Setenv("OTEL_SERVICE_NAME", "books")
	if got := service(); got != "books" {
		t.Errorf("it is called %q", got)
	}
}

func TestAShareOfTheRequestsIsFollowed(t *testing.T) {
	t.Parallel()
	followed := func(share float64, traceparent string) (n int) {
		made, _ := traced(t, Config{Share: share})
		for range 1000 {
			r := httptest.NewRequest(http.MethodPost, "/v1/x", nil)
			if traceparent != "" {
				r.Header.Set("traceparent", traceparent)
			}
			if made.Requests().Follow(r, time.Now()) != nil {
				n++
			}
		}
		return n
	}
	sampled, unsampled := "00-"+trace1+"-"+span1+"-01", "00-"+trace1+"-"+span1+"-00"
	if none, all := followed(0, ""), followed(1, ""); none != 0 || all != 1000 {
		t.Errorf("%d of nothing, %d of all", none, all)
	}
	if some := followed(0.1, ""); some < 30 || some > 300 {
		t.Errorf("a tenth of 1000 is %d", some)
	}
	if all, none := followed(0, sampled), followed(1, unsampled); all != 1000 || none != 0 {
		t.Errorf("callers say themselves: %d, %d", all, none)
	}
}

// counted tells what became of spans.
type counted struct {
	mu sync.Mutex
	n  map[Fate]int
}

func (c *counted) Spans(f Fate, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[Fate]int{}
	}
	c.n[f] += n
}

// TestNobodyWaitsForACollector that takes connections and says nothing: spans are taken until there is no room, what comes
// beyond is dropped and counted, and the end comes when it is to come, leaving no goroutine behind.
func TestNobodyWaitsForACollector(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	before := goleak.IgnoreCurrent()
	became := &counted{}
	made, err := Open(t.Context(), Config{To: "http://" + silent.Addr().String(), Share: 1, Patience: 50 * time.Millisecond, Observer: became})
	if err != nil {
		t.Fatal(err)
	}
	const spans = 3 * queueMax
	for range spans {
		_, s := made.tracer.Start(context.Background(), "x")
		s.End()
	}
	made.Close()
	became.mu.Lock()
	defer became.mu.Unlock()
	if became.n[Dropped] != spans-queueMax || became.n[Failed] != queueMax || became.n[Sent] != 0 {
		t.Errorf("of %d spans became %v", spans, became.n)
	}
	if err := silent.Close(); err != nil { // with it go the connections that the client would have used again
		t.Fatal(err)
	}
	goleak.VerifyNone(t, before)
}

// flaky is an exporter that fails when it is told to.
type flaky struct{ err error }

func (f *flaky) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return f.err }
func (f *flaky) Shutdown(context.Context) error                             { return nil }

func TestAFailureIsToldOnce(t *testing.T) {
	t.Parallel()
	said := &bytes.Buffer{}
	f, became := &flaky{}, &counted{}
	o := newOutlet(t.Context(), f, Config{Observer: became, Log: slog.New(slog.NewTextHandler(said, nil))})
	for _, err := range []error{nil, errors.New("no"), errors.New("no"), errors.New("no"), nil, nil} {
		f.err = err
		if got := (sender{o}).ExportSpans(t.Context(), make([]sdktrace.ReadOnlySpan, 2)); got != nil {
			t.Errorf("the processor is told of %v", got)
		}
	}
	if became.n[Sent] != 6 || became.n[Failed] != 6 {
		t.Errorf("got %v", became.n)
	}
	if text := said.String(); strings.Count(text, "do not reach") != 1 || strings.Count(text, "again") != 1 {
		t.Errorf("the log says\n%s", text)
	}
}

func TestARefusalIsCounted(t *testing.T) {
	t.Parallel()
	c, became := newCollector(t), &counted{}
	c.refuse = true
	made, err := Open(t.Context(), Config{To: c.URL, Share: 1, Observer: became})
	if err != nil {
		t.Fatal(err)
	}
	_, s := made.tracer.Start(t.Context(), "x")
	s.End()
	made.Close()
	if became.n[Failed] != 1 {
		t.Errorf("got %v", became.n)
	}
}
