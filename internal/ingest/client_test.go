package ingest

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// newServer returns a server in front of b whose replies are being read.
func newServer(t testing.TB, b *bank, edit ...func(*Config)) *Server {
	t.Helper()
	cfg := Config{Codec: b.codec, Contexts: []string{"bank"}, Partitions: testPartitions, Publisher: b, Replies: b}
	for _, e := range edit {
		e(&cfg)
	}
	s, err := NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Replies != nil {
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
		<-b.running
	}
	return s
}

// call is a request as a test writes it down.
type call struct {
	method, path, body string
	header             map[string]string
}

// ask is a POST of JSON whose caller waits.
func ask(path, body string, header ...string) call {
	c := post(path, body, header...)
	c.header["Prefer"] = "wait=20"
	return c
}

// post is a POST of JSON.
func post(path, body string, header ...string) call {
	c := call{method: http.MethodPost, path: path, body: body, header: map[string]string{"Content-Type": "application/json"}}
	for i := 0; i < len(header); i += 2 {
		c.header[header[i]] = header[i+1]
	}
	return c
}

func get(path string) call { return call{method: http.MethodGet, path: path} }

func (c call) request() *http.Request {
	r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
	r.Host = "localhost:8080"
	for name, value := range c.header {
		r.Header.Set(name, value)
	}
	return r
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	raw    string

	problem  Problem
	result   Result
	accepted accepted
}

func (c call) do(t testing.TB, h http.Handler) answer {
	t.Helper()
	return serve(t, h, c.request())
}

// readAnswer reads a response, and holds every error to the form that all must have.
func readAnswer(t testing.TB, res *http.Response) answer {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, raw: string(body)}
	switch {
	case a.status >= 400:
		err = json.Unmarshal(body, &a.problem)
	case a.status == http.StatusAccepted:
		err = json.Unmarshal(body, &a.accepted)
	case a.status == http.StatusOK:
		err = json.Unmarshal(body, &a.result)
	}
	if err != nil {
		t.Fatalf("%d %s: %v", a.status, body, err)
	}
	if a.status < 400 {
		return a
	}
	p := a.problem
	if media := a.header.Get("Content-Type"); media != problemMediaType {
		t.Errorf("%d came as %q", a.status, media)
	}
	if p.Status != a.status || p.Code == "" || p.Type != problemTypePrefix+p.Code || p.Title == "" {
		t.Errorf("not a problem as it should be: %s", body)
	}
	return a
}

// want is what a test expects of an answer; zero values don't matter.
type want struct {
	status int
	code   string
	field  string
	says   string
}

func (a answer) check(t testing.TB, w want) {
	t.Helper()
	if a.status != w.status {
		t.Errorf("status %d, want %d: %s", a.status, w.status, a.raw)
	}
	if w.code != "" && a.problem.Code != w.code {
		t.Errorf("code %q, want %q: %s", a.problem.Code, w.code, a.raw)
	}
	if w.field != "" && a.problem.Field != w.field {
		t.Errorf("field %q, want %q: %s", a.problem.Field, w.field, a.raw)
	}
	if !strings.Contains(a.raw, w.says) {
		t.Errorf("it does not say %q: %s", w.says, a.raw)
	}
}

const (
	openAccount = `{"customer_id":"ada","currency":"EUR"}`
	tenEuros    = `{"amount":1000,"currency":"EUR","reference":"r"}`
)

// openFor opens an account.
func openFor(t testing.TB, s *Server, id string) {
	t.Helper()
	ask("/v1/bank/account/"+id+"/open", openAccount).do(t, s).check(t, want{status: 200})
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not in time", what)
		}
	}
}

// serve hands a request over and reads the answer.
func serve(t testing.TB, h http.Handler, r *http.Request) answer {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return readAnswer(t, w.Result())
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
func (brokenBody) Close() error             { return nil }

// syncBuilder is a strings.Builder that several goroutines may write to.
type syncBuilder struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *syncBuilder) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuilder) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func logTo(w io.Writer) func(*Config) {
	return func(c *Config) { c.Log = slog.New(slog.NewTextHandler(w, nil)) }
}
