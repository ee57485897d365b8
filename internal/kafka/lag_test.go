package kafka

import (
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func lagIn(t *testing.T, cfg Config, partition int32) Lag {
	t.Helper()
	r, err := NewLagReader(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all, err := r.Lag(t.Context(), "readers", ledger)
	if err != nil || len(all) != 2 || all[1].Partition != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	return all[partition]
}

func commitOffset(t *testing.T, cfg Config, offset int64) {
	t.Helper()
	err := administer(cfg, func(admin *kadm.Client) error {
		var at kadm.Offsets
		at.Add(kadm.Offset{Topic: ledger, Partition: 0, At: offset, LeaderEpoch: -1})
		return admin.CommitAllOffsets(t.Context(), "readers", at)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The log of partition 0: a record and its marker, an aborted one and its marker, and one that is open.
func TestLagEndsWhereReadersOfCommittedRecordsMust(t *testing.T) {
	t.Parallel()
	_, cfg := transactionBroker(t)
	began := time.Now().Truncate(time.Millisecond) // as stamps are
	cl := beginTransaction(t, cfg, "writer", 0)
	if l := lagIn(t, cfg, 0); l.Records != 0 || l.End != 1 || l.Committed != -1 || !l.Oldest.IsZero() {
		t.Errorf("what is open can't be read, and nobody is behind: %+v", l)
	}
	end := func(how kgo.TransactionEndTry) {
		if err := cl.EndTransaction(t.Context(), how); err != nil {
			t.Fatal(err)
		}
	}
	again := func() {
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: ledger, Partition: 0}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	end(kgo.TryCommit)
	l := lagIn(t, cfg, 0)
	if l.Records != 2 || l.Age(began) > 0 || l.Age(time.Now()) <= 0 || l.Age(time.Now()) > time.Minute {
		t.Errorf("a record waits, and its marker: %+v, %v old", l, l.Age(time.Now()))
	}
	commitOffset(t, cfg, 1)
	again()
	end(kgo.TryAbort)
	again()
	l = lagIn(t, cfg, 0)
	if l.Records != 0 || l.Age(time.Now()) != 0 {
		t.Errorf("only markers and an aborted record lie ahead: %+v", l)
	}
	if naive := l.Stable - l.Committed; naive == 0 {
		t.Error("the control: counting offsets would have said the same")
	}
	end(kgo.TryCommit)
	if l = lagIn(t, cfg, 0); l.Records != 2 || l.Committed != 1 {
		t.Errorf("behind an aborted record a committed one waits: %+v", l)
	}
	if other := lagIn(t, cfg, 1); other.Records != 0 || other.Committed != -1 {
		t.Errorf("an empty partition: %+v", other)
	}
}

// TestWhatWaitsBehindAPositionIsFound: records behind an aborted one and markers, for who reads from any place.
func TestWhatWaitsBehindAPositionIsFound(t *testing.T) {
	t.Parallel()
	_, cfg := transactionBroker(t)
	cl := beginTransaction(t, cfg, "writer", 0) // 0: a record, 1: its marker
	stamp := time.UnixMilli(1_700_000_000_000)
	for _, how := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit} { // 2, 3: aborted; 4, 5: committed
		if err := cl.EndTransaction(t.Context(), how); err != nil {
			t.Fatal(err)
		}
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: ledger, Partition: 0, Timestamp: stamp}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	r, err := NewLagReader(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	found, err := r.Extents(t.Context(), ledger)
	if err != nil {
		t.Fatal(err)
	}
	for next, want := range map[int64]int64{0: 6, 1: 2, 2: 2, 4: 2, 5: 0} {
		lags, err := r.Behind(t.Context(), ledger, found[ledger], map[int32]int64{0: next, 1: 0, 9: 0})
		if err != nil || len(lags) != 1 || lags[0].Records != want || next > 0 && want > 0 && !lags[0].Oldest.Equal(stamp) || lags[0].Oldest.IsZero() != (want == 0) {
			t.Errorf("from %d: %+v, %v; want %d records", next, lags, err, want)
		}
	}
	if lags, err := r.Behind(t.Context(), ledger, found[ledger], map[int32]int64{0: 6}); err != nil || len(lags) != 0 {
		t.Errorf("who has caught up is behind: %+v, %v", lags, err)
	}
}

func TestAStandstillIsCountedFromWhenItWasFirstSeen(t *testing.T) {
	t.Parallel()
	var s Standstill
	at := time.UnixMilli(0)
	for _, step := range []struct {
		after time.Duration
		e     Extent
		want  time.Duration
		why   string
	}{
		{0, Extent{0, 5, 5}, 0, "nothing is open"},
		{time.Second, Extent{0, 5, 9}, 0, "something is open, since now"},
		{4 * time.Second, Extent{0, 5, 12}, 4 * time.Second, "it has not moved"},
		{time.Second, Extent{0, 5, 12}, 5 * time.Second, "nor since"},
		{time.Second, Extent{0, 8, 12}, 0, "one ended, another is open"},
		{time.Second, Extent{0, 8, 12}, time.Second, "which stands now"},
		{time.Second, Extent{0, 12, 12}, 0, "all have ended"},
		{time.Second, Extent{0, 12, 13}, 0, "the next one begins from nothing"},
	} {
		at = at.Add(step.after)
		if got := s.Note("x", 1, step.e, at); got != step.want {
			t.Errorf("%s: %v, want %v", step.why, got, step.want)
		}
		if got := s.Note("x", 2, Extent{0, 1, 1}, at); got != 0 {
			t.Errorf("another partition stands for %v", got)
		}
	}
}

func TestAGroupTellsWhoHasWhat(t *testing.T) {
	t.Parallel()
	cluster, cfg := sessionBroker(t)
	nobody, err := DescribeGroup(t.Context(), cfg, "never-joined")
	if err != nil || len(nobody.Members) != 0 || nobody.State == "Stable" {
		t.Errorf("%+v, %v", nobody, err)
	}
	startPolling(t, cfg, "s0")
	startPolling(t, cfg, "s1")
	awaitShares(t, cluster, 2)
	g, err := DescribeGroup(t.Context(), cfg, "g")
	if err != nil || g.State != "Stable" || len(g.Members) != 2 || g.Members[0].Name != "s0" || g.Members[0].Worker != "s0" || len(g.Members[0].Partitions) != sessionPartitions/2 {
		t.Fatalf("%+v, %v", g, err)
	}
	owners := g.Owners()
	if len(owners) != sessionPartitions || owners[g.Members[1].Partitions[0]] != "s1" {
		t.Errorf("%v", owners)
	}
}

func TestSessionsOfAWorkerCountTogether(t *testing.T) {
	t.Parallel()
	g := GroupState{State: "Stable", Members: []Member{
		{Name: "b.0", Worker: "b", Capacity: 7, Standbys: 2, Partitions: []int32{3, 4}},
		{Name: "a", Worker: "a", Partitions: []int32{0}},
		{Name: "b.1", Worker: "b", Capacity: 7, Standbys: 2, Partitions: []int32{1, 3}}, // one is being passed on
	}}
	f := Fleet{State: g.State, Workers: g.workers()}
	b, ok := f.Worker("b")
	if !slices.Equal(f.Names(), []string{"a", "b"}) || !ok || b.Sessions != 2 || b.Capacity != 7 || b.Standbys != 2 || !slices.Equal(b.Assigned, []int32{1, 3, 4}) {
		t.Errorf("%+v", f)
	}
	if f.Owner(0) != "a" || f.Owner(4) != "b" || f.Owner(2) != "" {
		t.Errorf("owners %q %q %q", f.Owner(0), f.Owner(4), f.Owner(2))
	}
}

func TestAMemberThatIsNoConsumerIsAFault(t *testing.T) {
	t.Parallel()
	if m, err := memberOf(kadm.DescribedGroupMember{MemberID: "connector"}); err == nil {
		t.Errorf("%+v", m)
	}
}
