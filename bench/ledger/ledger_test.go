package ledger

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"recount/bench/workload"
	"recount/domain/bank/account"
	"recount/internal/embedded"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/partition"
	"recount/internal/serde/serdetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const partitions = 2

// world is a broker with a loaded workload.
type world struct {
	t      *testing.T
	broker *embedded.Kafka
	check  Check
}

func newWorld(t *testing.T) *world {
	t.Helper()
	broker := embeddedtest.Kafka(t)
	codec := serdetest.Codec(t)
	plan := workload.Plan{Commands: 300, Accounts: 12, Partitions: partitions, Seed: 3}
	w, err := workload.Write(t.Context(), plan, codec, filepath.Join(t.TempDir(), "commands"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := kafka.Config{Brokers: []string{broker.Addr()}}
	if err := kafka.EnsureTopics(t.Context(), cfg, []string{"bank"}, partitions, kafka.Replication{Factor: 1}); err != nil {
		t.Fatal(err)
	}
	if err := w.Load(t.Context(), broker.Addr(), "bank.commands"); err != nil {
		t.Fatal(err)
	}
	return &world{t, broker, Check{
		Address: broker.Addr(), Commands: "bank.commands", Events: "bank.events", Codec: codec, Workload: w, Chain: true,
	}}
}

// decided is an event before it is encoded.
type decided struct {
	meta event
	body account.Event
}

type event struct {
	es.Meta
	key       string
	partition int32
}

// decide decides the loaded commands in a few plain lines, as a contender should.
func (w *world) decide() (all []decided) {
	w.t.Helper()
	spans, err := Spans(w.t.Context(), w.broker.Addr(), "bank.commands")
	if err != nil {
		w.t.Fatal(err)
	}
	states, versions := map[string]account.Account{}, map[string]int64{}
	err = kafka.Replay(w.t.Context(), kafka.Config{Brokers: []string{w.broker.Addr()}}, spans, func(_ kafka.Span, records []*kafka.Record, _ int64) error {
		for _, r := range records {
			cmd, err := w.check.Codec.Context("bank").DecodeCommand(r.Value)
			if err != nil {
				return err
			}
			id := cmd.Meta.AggregateID
			after, events, err := es.Handle[account.Account, account.Command, account.Event](states[id], cmd.Body.(account.Command))
			if err != nil {
				return err
			}
			states[id] = after
			versions[id]++
			meta := es.Meta{AggregateID: id, Version: versions[id], CommandID: cmd.Meta.CommandID, Source: es.Source{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}}
			all = append(all, decided{event{meta, workload.EventKey(id, versions[id]), partition.Of(id, partitions)}, events[0]})
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// write encodes events, chains them and writes them.
func (w *world) write(all []decided) {
	w.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.broker.Addr()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		w.t.Fatal(err)
	}
	defer cl.Close()
	chains := map[string]es.Hash{}
	for _, d := range all {
		frame, body, fingerprint, err := w.check.Codec.Context("bank").AppendEvent(nil, account.Type(), &d.meta.Meta, d.body)
		if err != nil {
			w.t.Fatal(err)
		}
		link := engine.Link(chains[d.meta.AggregateID], fingerprint, frame[body:])
		if d.meta.Chain == (es.Hash{}) {
			copy(frame[body:], link[:])
		}
		chains[d.meta.AggregateID] = link
		r := &kgo.Record{Topic: "bank.events", Partition: d.meta.partition, Key: []byte(d.meta.key), Value: frame}
		if err := cl.ProduceSync(w.t.Context(), r).FirstErr(); err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestAnHonestContenderPasses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := w.decide()
	w.write(all)
	totals, err := w.check.Run(t.Context())
	if err != nil || totals.Events != len(all) || totals.Bytes < int64(100*len(all)) {
		t.Errorf("%+v, %v", totals, err)
	}
}

// frauds are results that must not pass, by part of what is said of them. Events of one account follow one another in
// the slice, among others.
func frauds() map[string]func([]decided) []decided {
	changed := func(i int, change func(*decided)) func([]decided) []decided {
		return func(all []decided) []decided {
			change(&all[i])
			return all
		}
	}
	return map[string]func([]decided) []decided{
		"left 0 events":       func([]decided) []decided { return nil },
		"left 299 events":     func(all []decided) []decided { return slices.Delete(all, last(all), last(all)+1) },
		"the next event is":   func(all []decided) []decided { return slices.Delete(all, first(all), first(all)+1) },
		"after the event of":  func(all []decided) []decided { return slices.Insert(all, 1, all[0]) },
		"its event says":      changed(299, func(d *decided) { d.body = more(d.body) }),
		"the key is":          changed(7, func(d *decided) { d.meta.key = "account/acct-000001" }),
		"belongs to":          changed(299, func(d *decided) { d.meta.partition = 1 - d.meta.partition }),
		"it comes from bank.": changed(7, func(d *decided) { d.meta.Source.Topic = "bank.dispatch" }),
		"chain is broken":     changed(299, func(d *decided) { d.meta.Chain[0] = 1 }),
		"no account":          changed(7, func(d *decided) { d.meta.AggregateID = "acct-000012" }),
	}
}

// last is the place of an account's last event, first that of an event with another after it.
func last(all []decided) int { return len(all) - 1 }

func first(all []decided) int {
	return slices.IndexFunc(all, func(d decided) bool { return d.meta.AggregateID == all[last(all)].meta.AggregateID })
}

// more adds a cent to what an event moves, and not to the balance it tells.
func more(e account.Event) account.Event {
	switch e := e.(type) {
	case account.FundsDeposited:
		e.Amount++
		return e
	case account.FundsWithdrawn:
		e.Amount++
		return e
	case account.AccountOpened, account.AccountFrozen, account.AccountUnfrozen, account.AccountClosed:
	}
	return e
}

func TestFraudsAreFound(t *testing.T) {
	t.Parallel()
	for want, commit := range frauds() {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.write(commit(w.decide()))
			if totals, err := w.check.Run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%+v, %v", totals, err)
			}
		})
	}
}

func TestAMissingChainPassesOnlyWhereNoneIsAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := w.decide()
	for i := range all {
		all[i].meta.Chain[31] = 7
	}
	w.write(all)
	w.check.Chain = false
	if _, err := w.check.Run(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAnotherBalanceOrVersionIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(w.decide())
	for want, n := range map[string]int{"at version": 0, "has a balance of": 1} {
		expected := slices.Clone(w.check.Workload.Expected)
		expected[n].Balance++
		expected[n].Version--
		other := *w.check.Workload
		other.Expected = expected
		check := w.check
		check.Workload = &other
		if _, err := check.Run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("account %d: %v", n, err)
		}
	}
}

func TestOnlyCommittedRecordsCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.broker.Addr()), kgo.TransactionalID("aborting"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	end := func(how kgo.TransactionEndTry) {
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "bank.refusals", Key: []byte("no")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := cl.EndTransaction(context.WithoutCancel(t.Context()), how); err != nil {
			t.Fatal(err)
		}
	}
	end(kgo.TryAbort)
	if err := Empty(t.Context(), w.broker.Addr(), "bank.refusals", "bank.dead-letters"); err != nil {
		t.Errorf("after an abort: %v", err)
	}
	end(kgo.TryCommit)
	if err := Empty(t.Context(), w.broker.Addr(), "bank.dead-letters", "bank.refusals"); err == nil || !strings.Contains(err.Error(), "bank.refusals") {
		t.Errorf("after a commit: %v", err)
	}
}
