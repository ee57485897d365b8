package ingest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"recount/internal/embedded/embeddedtest"
	"recount/internal/engine"
	"recount/internal/ingest"
	"recount/internal/kafka"
	"recount/internal/partition"
	"recount/internal/serde"
	"recount/internal/serde/serdetest"
	"recount/internal/statestore"
	"recount/internal/worker/aggregator"
)

const partitions = 4

// pipeline is the way of a command in earnest: a server, a broker and an aggregator.
type pipeline struct {
	t        *testing.T
	cfg      kafka.Config
	codec    *serde.Codec
	producer *kafka.Producer
	url      string
}

func newPipeline(t *testing.T) *pipeline {
	t.Helper()
	p := &pipeline{t: t, cfg: kafka.Config{Brokers: []string{embeddedtest.Kafka(t).Addr()}}, codec: serdetest.Codec(t)}
	check(t, kafka.EnsureTopics(t.Context(), p.cfg, []string{"bank"}, partitions, kafka.Replication{Factor: 1}))
	var err error
	p.producer, err = kafka.NewProducer(p.cfg, kafka.ProducerConfig{DeliveryTimeout: 2 * time.Second})
	check(t, err)
	t.Cleanup(p.producer.Close)
	return p
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run runs f until the test ends.
func (p *pipeline) run(f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f(ctx) }()
	p.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			p.t.Error(err)
		}
	})
}

// aggregate starts an aggregator that replies.
func (p *pipeline) aggregate() {
	p.t.Helper()
	w, err := aggregator.New(p.t.Context(), aggregator.Config{
		Context: "bank", Codec: p.codec.Context("bank"), Schemas: p.codec, Kafka: p.cfg, Partitions: partitions, Instance: "aggregator",
		Leases:     statestore.NewLeases(statestore.NewMem(), func(r statestore.Reader) (int64, error) { return engine.StoredPosition(r) }),
		FlushEvery: 50 * time.Millisecond, Replier: replier{p},
	})
	check(p.t, err)
	p.run(w.Run)
}

// replier publishes replies as the aggregator's role does.
type replier struct{ p *pipeline }

func (r replier) Reply(a *engine.Answer, position string, events [][]byte) {
	value, err := r.p.codec.AppendReply(nil, &serde.Reply{
		CommandID: a.Meta.CommandID, AggregateID: a.Meta.AggregateID, Command: a.Command, Outcome: a.Outcome, Code: a.Code, Detail: a.Detail,
		Version: a.Version, Duplicate: a.Duplicate, Position: position, Events: events,
	})
	if err == nil {
		err = r.p.producer.TryProduce(kafka.Command{Topic: kafka.RepliesTopic, Key: []byte(a.Meta.ReplyTo), Value: value}, func(_ int32, _ int64, err error) {
			if err != nil {
				r.p.t.Errorf("a reply: %v", err)
			}
		})
	}
	if err != nil {
		r.p.t.Errorf("a reply: %v", err)
	}
}

// serve starts the HTTP server.
func (p *pipeline) serve() {
	p.t.Helper()
	replies, err := kafka.OpenReplies(p.t.Context(), p.cfg, "ingest-1")
	check(p.t, err)
	p.t.Cleanup(replies.Close)
	s, err := ingest.NewServer(ingest.Config{
		Codec: p.codec, Contexts: []string{"bank"}, Partitions: partitions, Publisher: p.producer, Replies: replies,
	})
	check(p.t, err)
	ln, err := s.Listen(p.t.Context(), "127.0.0.1:0")
	check(p.t, err)
	p.url = "http://" + ln.Addr().String()
	p.run(func(ctx context.Context) error { return s.Serve(ctx, ln) })
}

// post sends a command and waits for its outcome.
func (p *pipeline) post(path, body string, header ...string) (status int, answer map[string]any) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.url+path, strings.NewReader(body))
	check(p.t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Prefer", "wait=30")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	check(p.t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	check(p.t, err)
	check(p.t, json.Unmarshal(raw, &answer))
	return res.StatusCode, answer
}

func TestCommandsOverHTTPAreDecidedAndAnswered(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.aggregate()
	p.serve()
	const open = `{"customer_id":"ada","currency":"EUR"}`
	deposit := func(n int) string { return fmt.Sprintf(`{"amount":%d,"currency":"EUR","reference":"r"}`, n) }
	for i, c := range []struct {
		path, body string
		header     []string
		status     int
		code       string
		version    float64
	}{
		{"open", open, []string{"Idempotency-Key", "o", "If-Match", `"0"`}, 200, "", 1},
		{"open", open, []string{"Idempotency-Key", "o", "If-Match", `"0"`}, 200, "", 1}, // a retry
		{"deposit", deposit(100), nil, 200, "", 2},
		{"deposit", deposit(-1), nil, 409, "account/amount-not-positive", 2},
		{"withdraw", deposit(101), nil, 409, "account/insufficient-funds", 2},
		{"deposit", deposit(1), []string{"If-Match", `"1"`}, 412, "version-conflict", 2},
		{"deposit", deposit(1), []string{"Idempotency-Key", "o"}, 422, "command-id-reused", 2},
		{"withdraw", deposit(100), []string{"If-Match", `"2"`}, 200, "", 3},
	} {
		status, answer := p.post("/v1/bank/account/a/"+c.path, c.body, c.header...)
		code, _ := answer["code"].(string)
		if status != c.status || code != c.code || answer["version"] != c.version {
			t.Errorf("%d: %s: %d %v", i, c.path, status, answer)
		}
		if position, _ := answer["position"].(string); status == 200 && answer["duplicate"] == nil && !strings.HasPrefix(position, "bank/") {
			t.Errorf("%d: the position is %q", i, position)
		}
	}
}

func TestManyCallersEachGetTheirOwnOutcome(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.aggregate()
	p.serve()
	const callers, each = 20, 10
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			id := fmt.Sprint("acct-", c)
			if status, answer := p.post("/v1/bank/account/"+id+"/open", `{"customer_id":"ada","currency":"EUR"}`); status != 200 {
				t.Errorf("%s: %d %v", id, status, answer)
			}
			for n := range each {
				_, answer := p.post("/v1/bank/account/"+id+"/deposit", `{"amount":1,"currency":"EUR","reference":"r"}`)
				if answer["version"] != float64(n+2) {
					t.Errorf("%s: %v", id, answer)
				}
			}
		})
	}
	wg.Wait()
}

func (p *pipeline) loadConfig(path string) ingest.LoadConfig {
	return ingest.LoadConfig{
		Codec: p.codec, Contexts: []string{"bank"}, Partitions: partitions, Publisher: p.producer, Path: path, Actor: "loader",
	}
}

// A file of commands, loaded twice and with bad lines in it, ends in each command's events once, in the file's order.
func TestAFileLoadedTwiceIsDecidedOnce(t *testing.T) {
	t.Parallel()
	const accounts, n = 10, 2000
	p := newPipeline(t)
	var file bytes.Buffer
	for i := range accounts {
		fmt.Fprintf(&file, `{"type":"bank.account.open","id":"a%d","data":{"customer_id":"ada","currency":"EUR"}}`+"\n", i)
	}
	for i := range n {
		fmt.Fprintf(&file, `{"type":"bank.account.deposit","id":"a%d","data":{"amount":%d,"currency":"EUR","reference":"r"}}`+"\n", i%accounts, i+1)
		if i%100 == 0 {
			file.WriteString("bad\n")
		}
	}
	path := filepath.Join(t.TempDir(), "day.ndjson")
	check(t, os.WriteFile(path, file.Bytes(), 0o600))
	for range 2 {
		res, err := ingest.Load(t.Context(), p.loadConfig(path))
		check(t, err)
		if res.Published != accounts+n || res.Rejected != n/100 || res.ExitCode() != 1 {
			t.Fatalf("%+v", res)
		}
	}
	p.aggregate()
	last := map[string]int64{}
	for _, r := range p.events(accounts + n) {
		e, err := p.codec.Context("bank").DecodeEvent(r.Value)
		check(t, err)
		raw, err := p.codec.EventToJSON(r.Value)
		check(t, err)
		var event struct{ Data struct{ Amount int64 } }
		check(t, json.Unmarshal(raw, &event))
		if amount := event.Data.Amount; e.Meta.Version > 1 && amount <= last[e.Meta.AggregateID] || e.Meta.Actor != "loader" {
			t.Fatalf("%s: %d came after %d, by %q", e.Meta.AggregateID, amount, last[e.Meta.AggregateID], e.Meta.Actor)
		}
		last[e.Meta.AggregateID] = event.Data.Amount
	}
}

// events returns the bank's events once there are n of them; more are a failure.
func (p *pipeline) events(n int) (out []*kafka.Record) {
	p.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for len(out) < n {
		if time.Now().After(deadline) {
			p.t.Fatalf("there are %d events, want %d", len(out), n)
		}
		time.Sleep(20 * time.Millisecond)
		out = p.read("bank.events")
	}
	p.fence() // what would be too much must have had its chance
	if out = p.read("bank.events"); len(out) != n {
		p.t.Fatalf("there are %d events, want %d", len(out), n)
	}
	return out
}

// fence waits until a command sent behind all others has been decided in every partition.
func (p *pipeline) fence() {
	p.t.Helper()
	p.serve()
	passed := map[int32]bool{}
	for i := 0; len(passed) < partitions; i++ {
		id := fmt.Sprint("fence-", i)
		if status, answer := p.post("/v1/bank/account/"+id+"/deposit", `{"amount":1,"currency":"EUR","reference":"r"}`); status != http.StatusConflict {
			p.t.Fatalf("%d %v", status, answer)
		}
		passed[partition.Of(id, partitions)] = true
	}
}

func (p *pipeline) read(topic string) (out []*kafka.Record) {
	p.t.Helper()
	extents, err := kafka.Extents(p.t.Context(), p.cfg, topic)
	check(p.t, err)
	var spans []kafka.Span
	for n, e := range extents[topic] {
		spans = append(spans, kafka.Span{Topic: topic, Partition: n, From: e.Start, Until: e.Stable})
	}
	check(p.t, kafka.Replay(p.t.Context(), p.cfg, spans, func(_ kafka.Span, records []*kafka.Record, _ int64) error {
		out = append(out, records...)
		return nil
	}))
	return out
}

func TestWithoutABrokerEverybodyIsTold(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.serve()
	gone, err := kafka.NewProducer(kafka.Config{Brokers: []string{"127.0.0.1:1"}}, kafka.ProducerConfig{DeliveryTimeout: time.Second})
	check(t, err)
	t.Cleanup(gone.Close)

	path := filepath.Join(t.TempDir(), "day.ndjson")
	check(t, os.WriteFile(path, []byte(`{"type":"bank.account.open","id":"a","data":{"customer_id":"ada","currency":"EUR"}}`), 0o600))
	cfg := p.loadConfig(path)
	cfg.Publisher = gone
	res, err := ingest.Load(t.Context(), cfg)
	if err == nil || !strings.Contains(err.Error(), "is Kafka running") || errors.Is(err, context.Canceled) || res.Published != 0 {
		t.Errorf("load: %+v, %v", res, err)
	}

	s, err := ingest.NewServer(ingest.Config{Codec: p.codec, Contexts: []string{"bank"}, Partitions: partitions, Publisher: gone})
	check(t, err)
	ln, err := s.Listen(t.Context(), "127.0.0.1:0")
	check(t, err)
	p.run(func(ctx context.Context) error { return s.Serve(ctx, ln) })
	p.url = "http://" + ln.Addr().String()
	if status, answer := p.post("/v1/bank/account/a/open", `{"customer_id":"ada","currency":"EUR"}`); status != http.StatusServiceUnavailable || answer["code"] != "broker-unavailable" {
		t.Errorf("post: %d %v", status, answer)
	}
}
