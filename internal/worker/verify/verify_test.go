package verify_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"recount/domain"
	"recount/domain/bank/account"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/partition"
	"recount/internal/proof"
	"recount/internal/serde"
	"recount/internal/serde/serdetest"
	"recount/internal/worker/verify"
)

const partitions = 3

// log is a broker with events of accounts.
type log struct {
	t      *testing.T
	cfg    kafka.Config
	codec  *serde.Codec
	out    *kafka.Producer
	chains map[string]es.Hash
	events map[string]int64
}

func newLog(t *testing.T) *log {
	t.Helper()
	broker := embeddedtest.Kafka(t)
	l := &log{t: t, cfg: kafka.Config{Brokers: []string{broker.Addr()}}, codec: serdetest.Codec(t), chains: map[string]es.Hash{}, events: map[string]int64{}}
	if err := kafka.EnsureTopics(t.Context(), l.cfg, []string{"bank", "shop"}, partitions, kafka.Replication{Factor: 1}); err != nil {
		t.Fatal(err)
	}
	var err error
	if l.out, err = kafka.NewProducer(l.cfg, kafka.ProducerConfig{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.out.Close)
	return l
}

// deposit makes the next event of an account, which alter may change after it was linked, and writes it.
func (l *log) deposit(id string, alter func(value []byte)) {
	l.t.Helper()
	l.events[id]++
	meta := es.Meta{AggregateID: id, Version: l.events[id], CommandID: fmt.Sprint("c", l.events[id]), RecordedAt: 100, ValidAt: 100}
	value, body, schema, err := l.codec.Context("bank").AppendEvent(nil, account.Type(), &meta, account.FundsDeposited{Amount: 5, Currency: "EUR", StatusAfter: "open"})
	if err != nil {
		l.t.Fatal(err)
	}
	link := engine.Link(l.chains[id], schema, value[body:])
	copy(value[body:], link[:])
	l.chains[id] = link
	if alter != nil {
		alter(value)
	}
	l.write(kafka.Command{Topic: "bank.events", Partition: partition.Of(id, partitions), Key: fmt.Appendf(nil, "account/%s/%d", id, meta.Version), Value: value})
}

func (l *log) write(c kafka.Command) {
	l.t.Helper()
	err := l.out.Produce(l.t.Context(), c, func(_ int32, _ int64, err error) {
		if err != nil {
			l.t.Error(err)
		}
	})
	if err = errors.Join(err, l.out.Flush(l.t.Context())); err != nil {
		l.t.Fatal(err)
	}
}

func (l *log) verify(anchor *verify.Anchor) *verify.Report {
	l.t.Helper()
	var last verify.Progress
	r, err := verify.Run(l.t.Context(), verify.Request{
		Source: verify.Kafka{Config: l.cfg, Partitions: partitions}, Streams: verify.StreamsOf(domain.Contexts()), Codec: l.codec,
		Partitions: partitions, Anchor: anchor, Progress: func(p verify.Progress) { last = p },
	})
	if err != nil {
		l.t.Fatal(err)
	}
	if last.Done != last.Parts || last.Parts != 4*partitions || last.Passed != last.Planned || last.Events != r.Events {
		l.t.Errorf("progress at the end: %+v of %d events", last, r.Events)
	}
	return r
}

func TestALogIsWalked(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	const accounts, each = 10, 7
	for range each {
		for n := range accounts {
			l.deposit(fmt.Sprint("acct-", n), nil)
		}
	}
	r := l.verify(nil)
	if r.Events != accounts*each || r.Aggregates != accounts || r.Broken != 0 || len(r.Heads.Heads) != accounts || len(r.Topics) != 4 {
		t.Fatalf("%+v", r)
	}
	anchor := &r.Heads
	for _, h := range anchor.Heads {
		if h.Topic != "bank.events" || h.Version != each || h.Chain != l.chains[h.ID] {
			t.Errorf("head %+v", h)
		}
	}

	l.deposit("acct-3", func(value []byte) { value[len(value)-1] ^= 1 })
	l.deposit("acct-3", nil)
	l.deposit("acct-4", nil)
	again := l.verify(anchor)
	if again.Broken != 1 || len(again.Breaks) != 1 || again.Events != accounts*each+3 {
		t.Fatalf("%+v", again)
	}
	if b := again.Breaks[0]; b.Kind != proof.Altered || b.ID != "acct-3" || b.Version != each+1 || b.Topic != "bank.events" || b.Partition != partition.Of("acct-3", partitions) {
		t.Errorf("%+v", b)
	}
	if again.Heads.SHA256 == anchor.SHA256 || len(again.Heads.Heads) != accounts-1 {
		t.Error("the heads are the same, or that of a broken account is among them")
	}
}

// TestACutTailIsFoundByItsAnchor: by the log alone nobody would know.
func TestACutTailIsFoundByItsAnchor(t *testing.T) {
	t.Parallel()
	whole, cut := newLog(t), newLog(t)
	for n := range 5 {
		whole.deposit("acct-1", nil)
		whole.deposit("acct-2", nil)
		cut.deposit("acct-1", nil)
		if n < 3 {
			cut.deposit("acct-2", nil)
		}
	}
	anchor := &whole.verify(nil).Heads
	if r := cut.verify(nil); r.Broken != 0 {
		t.Errorf("without an anchor: %+v", r.Breaks)
	}
	r := cut.verify(anchor)
	if r.Broken != 1 || r.Breaks[0].Kind != proof.Cut || r.Breaks[0].ID != "acct-2" || r.Breaks[0].Version != 3 {
		t.Errorf("with one: %+v", r.Breaks)
	}
}

func TestOtherPartitionsAreRefused(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	_, err := verify.Kafka{Config: l.cfg, Partitions: partitions + 1}.Parts(t.Context(), verify.StreamsOf(domain.Contexts()))
	if err == nil || !strings.Contains(err.Error(), "--partitions") {
		t.Errorf("got %v", err)
	}
}

func TestAnAnchorIsKept(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	for n := range 20 {
		l.deposit(fmt.Sprintf("acct-\n<%d>", n), nil)
	}
	made := l.verify(nil).Heads
	path := filepath.Join(t.TempDir(), "heads.anchor")
	if err := made.Save(path); err != nil {
		t.Fatal(err)
	}
	read, err := verify.ReadAnchor(path)
	if err != nil || read.SHA256 != made.SHA256 || len(read.Heads) != 20 || !read.MadeAt.Equal(made.MadeAt) {
		t.Fatalf("%+v, %v", read, err)
	}
	if r := l.verify(read); r.Broken != 0 {
		t.Errorf("%+v", r.Breaks)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	for name, damaged := range map[string][]byte{
		"empty":           nil,
		"something else":  []byte(`{"format":"recount-anchor/9"}`),
		"its end lacks":   text[:len(text)-len(lines[len(lines)-2])],
		"cut in a line":   text[:len(text)-9],
		"a version":       bytes.Replace(text, []byte(`"version":1`), []byte(`"version":2`), 1),
		"a chain":         bytes.Replace(text, []byte(`"chain":"`), []byte(`"chain":"g`), 1),
		"a line too many": append(bytes.Clone(text), lines[len(lines)-2]...),
	} {
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := verify.ReadAnchor(path); err == nil {
			t.Errorf("%s: is taken for an anchor", name)
		}
	}
}
