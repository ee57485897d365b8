package workload

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"recount/domain/bank/account"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/partition"
	"recount/internal/serde/serdetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func plan() Plan { return Plan{Commands: 3000, Accounts: 100, Partitions: 3, Seed: 7} }

func write(t *testing.T, p Plan) *Workload {
	t.Helper()
	w, err := Write(t.Context(), p, serdetest.Codec(t), filepath.Join(t.TempDir(), "commands"))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestTheDomainAcceptsEveryCommandAndAgreesOnTheResult(t *testing.T) {
	t.Parallel()
	s := newScript(Plan{Commands: 50_000, Accounts: 300, Partitions: 6, Seed: 1})
	states := make([]account.Account, 300)
	kinds := map[string]int{}
	for s.next < s.plan.Commands {
		step := s.step()
		after, events, err := es.Handle[account.Account, account.Command, account.Event](states[step.account], step.command)
		if err != nil || len(events) != 1 {
			t.Fatalf("command %d, %+v on %+v: %d events, %v", step.number, step.command, states[step.account], len(events), err)
		}
		if events[0] != eventAfter(&step) {
			t.Fatalf("command %d leads to %+v, sizes were taken of %+v", step.number, events[0], eventAfter(&step))
		}
		states[step.account] = after
		kind, _ := asJSON(nil, step.command)
		kinds[kind]++
	}
	for n, state := range states {
		if state.Balance != s.state[n].Balance {
			t.Errorf("account %d has %d, the script says %d", n, state.Balance, s.state[n].Balance)
		}
	}
	if kinds["bank.account.open"] != 300 || kinds["bank.account.withdraw"] < 10_000 || kinds["bank.account.deposit"] < 25_000 {
		t.Errorf("a lopsided stream: %v", kinds)
	}
}

func TestEqualPlansAreEqualStreams(t *testing.T) {
	t.Parallel()
	first, second := write(t, plan()), write(t, plan())
	other := plan()
	other.Seed++
	third := write(t, other)
	if !bytes.Equal(content(t, first), content(t, second)) {
		t.Error("the same plan made two streams")
	}
	if bytes.Equal(content(t, first), content(t, third)) {
		t.Error("the seed makes no difference")
	}
}

func content(t *testing.T, w *Workload) []byte {
	t.Helper()
	text, err := os.ReadFile(w.path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestCommandIDsAreUniqueUUIDs(t *testing.T) {
	t.Parallel()
	s := newScript(plan())
	seen := map[string]bool{}
	for s.next < s.plan.Commands {
		id := s.step().meta.CommandID
		if seen[id] || len(id) != 36 || id[14] != '7' || strings.IndexByte("89ab", id[19]) < 0 {
			t.Fatalf("command ID %q", id)
		}
		seen[id] = true
	}
}

func TestEveryCommandLandsInItsAccountsPartitionInOrder(t *testing.T) {
	t.Parallel()
	broker := embeddedtest.Kafka(t)
	w := write(t, plan())
	cfg := kafka.Config{Brokers: []string{broker.Addr()}}
	if err := kafka.EnsureTopics(t.Context(), cfg, []string{"bank"}, w.Partitions, kafka.Replication{Factor: 1}); err != nil {
		t.Fatal(err)
	}
	if err := w.Load(t.Context(), broker.Addr(), "bank.commands"); err != nil {
		t.Fatal(err)
	}
	got := read(t, broker.Addr(), w.Commands)
	decode, states := serdetest.Codec(t).Context("bank"), map[string]account.Account{}
	for _, r := range got {
		cmd, err := decode.DecodeCommand(r.Value)
		if err != nil {
			t.Fatal(err)
		}
		id := string(r.Key)
		if cmd.Meta.AggregateID != id || r.Partition != partition.Of(id, w.Partitions) {
			t.Fatalf("a command on %s has key %s in partition %d", cmd.Meta.AggregateID, id, r.Partition)
		}
		if states[id], _, err = es.Handle[account.Account, account.Command, account.Event](states[id], cmd.Body.(account.Command)); err != nil {
			t.Fatalf("out of order: %+v on %+v: %v", cmd.Body, states[id], err)
		}
	}
	for n, want := range w.Expected {
		if got := states[AccountID(n)].Balance; got != want.Balance {
			t.Errorf("account %d has %d, want %d", n, got, want.Balance)
		}
	}
}

func read(t *testing.T, broker string, records int) (all []*kgo.Record) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumeTopics("bank.commands"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for len(all) < records {
		fetches := cl.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		all = append(all, fetches.Records()...)
	}
	return all
}

func TestATruncatedFileIsNoStream(t *testing.T) {
	t.Parallel()
	w := write(t, plan())
	if err := os.Truncate(w.path, int64(len(content(t, w))-1)); err != nil {
		t.Fatal(err)
	}
	records, last := 0, error(nil)
	for _, err := range w.records(bytes.NewReader(content(t, w))) {
		records, last = records+1, err
	}
	if last == nil || records != w.Commands {
		t.Errorf("%d records of %d, the last with %v", records, w.Commands, last)
	}
}

func TestEventSizesComeOfTheEvents(t *testing.T) {
	t.Parallel()
	w := write(t, plan())
	if w.EventBytes < 200 || w.EventBytes > 400 || w.EventKeyBytes < len("account/acct-000001/1") || w.EventKeyBytes > 24 {
		t.Errorf("events of %d bytes with keys of %d", w.EventBytes, w.EventKeyBytes)
	}
	if mean := int(w.Bytes) / w.Commands; mean < 100 || mean > 250 {
		t.Errorf("commands of %d bytes", mean)
	}
}

func TestAccountNumbersComeBack(t *testing.T) {
	t.Parallel()
	if n, ok := AccountNumber(AccountID(123_456)); !ok || n != 123_456 {
		t.Errorf("account number %d, %v", n, ok)
	}
	for _, foreign := range []string{"", "acct-1", "acct-00000x", "cust-000001", "acct-0000011"} {
		if _, ok := AccountNumber(foreign); ok {
			t.Errorf("%q is taken for one of ours", foreign)
		}
	}
}

func TestAPlanTellsAllItsFaults(t *testing.T) {
	t.Parallel()
	err := Plan{Accounts: accountsMax + 1}.Validate()
	for _, fault := range []string{"0 commands", "accounts", "0 partitions"} {
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%v does not tell of %s", err, fault)
		}
	}
	if err := plan().Validate(); err != nil {
		t.Error(err)
	}
}
