package kafka

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const ledger = "x.events"

func transactionBroker(t *testing.T) (*kfake.Cluster, Config) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, ledger))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster, Config{Brokers: cluster.ListenAddrs()}
}

// beginTransaction has a client with a transactional ID write one record to each partition, and leaves it open.
func beginTransaction(t *testing.T, cfg Config, id string, partitions ...int32) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append(cfg.options(), kgo.TransactionalID(id), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for _, p := range partitions {
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: ledger, Partition: p, Key: []byte("k"), Value: []byte(id)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return cl
}

// coordinatorSays answers every question for a transaction in the coordinator's stead.
func coordinatorSays(cluster *kfake.Cluster, state string, code int16, topics ...kmsg.DescribeTransactionsResponseTransactionStateTopic) {
	cluster.ControlKey(int16(kmsg.DescribeTransactions), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		resp := req.ResponseKind().(*kmsg.DescribeTransactionsResponse)
		for _, id := range req.(*kmsg.DescribeTransactionsRequest).TransactionalIDs {
			s := kmsg.NewDescribeTransactionsResponseTransactionState()
			s.TransactionalID, s.State, s.ErrorCode, s.Topics = id, state, code, topics
			resp.TransactionStates = append(resp.TransactionStates, s)
		}
		return resp, nil, true
	})
}

func theLedger(partitions ...int32) kmsg.DescribeTransactionsResponseTransactionStateTopic {
	topic := kmsg.NewDescribeTransactionsResponseTransactionStateTopic()
	topic.Topic, topic.Partitions = ledger, partitions
	return topic
}

func openOnes(t *testing.T, cfg Config, olderThan time.Duration) []Transaction {
	t.Helper()
	found, err := OpenTransactions(t.Context(), cfg, TransactionSearch{Topics: []string{ledger, "x.missing"}, OlderThan: olderThan, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func theOpenOne(t *testing.T, cfg Config) Transaction {
	t.Helper()
	found := openOnes(t, cfg, 0)
	if len(found) != 1 {
		t.Fatalf("%d open transactions, want one: %+v", len(found), found)
	}
	return found[0]
}

func stableOf(t *testing.T, cfg Config, partition int32) Extent {
	t.Helper()
	found, err := Extents(t.Context(), cfg, ledger)
	if err != nil {
		t.Fatal(err)
	}
	return found[ledger][partition]
}

func TestAnOpenTransactionIsFoundUntilItEnds(t *testing.T) {
	t.Parallel()
	_, cfg := transactionBroker(t)
	cl := beginTransaction(t, cfg, "worker-1", 0, 1)
	found := openOnes(t, cfg, 0)
	if len(found) != 2 || found[0].Partition != 0 || found[1].Partition != 1 {
		t.Fatalf("one transaction in two partitions: %+v", found)
	}
	pid, epoch, err := cl.ProducerID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := found[1]
	if got.ProducerID != pid || got.ProducerEpoch != epoch || got.TransactionalID != "worker-1" || got.State != "Ongoing" ||
		got.Standing != TransactionRuns || got.StartOffset != 0 || !got.HoldsStable || got.Age(time.Now()) > time.Minute {
		t.Errorf("%+v", got)
	}
	if young := openOnes(t, cfg, time.Hour); len(young) != 0 {
		t.Errorf("younger than an hour: %+v", young)
	}
	if err := cl.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	if left := openOnes(t, cfg, 0); len(left) != 0 {
		t.Errorf("after its end: %+v", left)
	}
}

func TestOneThatItsCoordinatorDoesNotKnowHangsAndIsEnded(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]func(*kfake.Cluster){
		"the coordinator is done with the producer": func(c *kfake.Cluster) { coordinatorSays(c, "Empty", 0) },
		"the coordinator runs one elsewhere":        func(c *kfake.Cluster) { coordinatorSays(c, "Ongoing", 0, theLedger(1)) },
		"the transactional ID has expired":          func(c *kfake.Cluster) { coordinatorSays(c, "", kerr.TransactionalIDNotFound.Code) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, cfg := transactionBroker(t)
			beginTransaction(t, cfg, "gone", 0)
			says(cluster)
			hangs := theOpenOne(t, cfg)
			if hangs.Standing != TransactionHangs || !hangs.HoldsStable {
				t.Fatalf("%+v", hangs)
			}
			if e := stableOf(t, cfg, 0); e.Stable != 0 || e.End != 1 {
				t.Fatalf("before: %+v", e)
			}
			// kfake keeps no log of its coordinators.
			if err := EndTransaction(t.Context(), cfg, hangs, false); hangs.Decision != DecidedUnknown || !errors.Is(err, ErrDecisionUnknown) {
				t.Fatalf("without force: decided %q, %v", hangs.Decision, err)
			}
			if e := stableOf(t, cfg, 0); e.End != 1 {
				t.Fatalf("something was written: %+v", e)
			}
			if err := EndTransaction(t.Context(), cfg, hangs, true); err != nil {
				t.Fatal(err)
			}
			if e := stableOf(t, cfg, 0); e.Stable != e.End || e.End != 2 {
				t.Errorf("after: %+v, want a marker and nothing open", e)
			}
			if got, _, err := readFrom(t, cfg, 0); err != nil || len(got.Records) != 1 || !got.Records[0].Attrs.IsControl() {
				t.Errorf("readers of committed records see %v, %v: want the marker alone", got.Records, err)
			}
		})
	}
}

func readFrom(t *testing.T, cfg Config, partition int32) (kgo.FetchPartition, int64, error) {
	t.Helper()
	cl, err := kgo.NewClient(cfg.options()...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	return fetchAt(t.Context(), cl, ledger, partition, 0)
}

// A transaction that ends between the question to the leaders and the one to its coordinator looks as if nobody knew it.
// What the test above shows is the control: as long as the leader lists it, it hangs.
func TestOneThatEndsWhileWeAskDoesNotHang(t *testing.T) {
	t.Parallel()
	cluster, cfg := transactionBroker(t)
	cl := beginTransaction(t, cfg, "quick", 0)
	asked := false
	cluster.ControlKey(int16(kmsg.DescribeTransactions), func(kmsg.Request) (kmsg.Response, error, bool) {
		asked = true
		go func() { _ = cl.EndTransaction(context.WithoutCancel(t.Context()), kgo.TryCommit) }() // looked at below
		cluster.SleepControl(func() {
			for e := stableOf(t, cfg, 0); e.Stable < e.End || e.End < 2; e = stableOf(t, cfg, 0) {
				time.Sleep(time.Millisecond)
			}
		})
		return nil, nil, false
	})
	if found := openOnes(t, cfg, 0); len(found) != 0 || !asked {
		t.Errorf("asked %v: %+v", asked, found)
	}
}

func TestWhoseCoordinatorIsSilentIsUnclearAndLeftAlone(t *testing.T) {
	t.Parallel()
	cluster, cfg := transactionBroker(t)
	beginTransaction(t, cfg, "whose", 0)
	coordinatorSays(cluster, "", kerr.TransactionalIDAuthorizationFailed.Code)
	found, err := OpenTransactions(t.Context(), cfg, TransactionSearch{Topics: []string{ledger}, Now: time.Now()})
	if err == nil || len(found) != 1 || found[0].Standing != TransactionUnclear {
		t.Fatalf("%+v, %v", found, err)
	}
	if err := EndTransaction(t.Context(), cfg, found[0], true); !errors.Is(err, ErrTransactionUnclear) {
		t.Errorf("even with force: %v", err)
	}
	if e := stableOf(t, cfg, 0); e.End != 1 {
		t.Errorf("something was written: %+v", e)
	}
}

func TestOneThatRunsIsEndedByItsCoordinatorAlone(t *testing.T) {
	t.Parallel()
	_, cfg := transactionBroker(t)
	cl := beginTransaction(t, cfg, "alive", 0, 1)
	runs := openOnes(t, cfg, 0)[0]
	if err := EndTransaction(t.Context(), cfg, runs, false); !errors.Is(err, ErrTransactionRuns) {
		t.Fatalf("without force: %v", err)
	}
	if e := stableOf(t, cfg, 0); e.End != 1 {
		t.Fatalf("something was written: %+v", e)
	}
	if err := EndTransaction(t.Context(), cfg, runs, true); err != nil {
		t.Fatal(err)
	}
	for p := range int32(2) {
		if e := stableOf(t, cfg, p); e.Stable != e.End || e.End != 2 {
			t.Errorf("partition %d: %+v: it is ended in all its partitions, not in the one that was named", p, e)
		}
	}
	if err := cl.EndTransaction(t.Context(), kgo.TryCommit); err == nil {
		t.Error("its producer committed it afterwards")
	}
}

func TestWhatTheCoordinatorHasDecidedStands(t *testing.T) {
	t.Parallel()
	cluster, cfg := transactionBroker(t)
	beginTransaction(t, cfg, "decided", 0)
	coordinatorSays(cluster, "PrepareCommit", 0, theLedger(0))
	ends := theOpenOne(t, cfg)
	if err := EndTransaction(t.Context(), cfg, ends, true); !errors.Is(err, ErrTransactionEnds) {
		t.Errorf("even with force: %v", err)
	}
	if e := stableOf(t, cfg, 0); e.End != 1 {
		t.Errorf("something was written: %+v", e)
	}
}

func TestAnotherOfTheSameProducerIsLeftAlone(t *testing.T) {
	t.Parallel()
	cluster, cfg := transactionBroker(t)
	cl := beginTransaction(t, cfg, "busy", 0)
	first := theOpenOne(t, cfg)
	if err := errors.Join(cl.EndTransaction(t.Context(), kgo.TryCommit), cl.BeginTransaction(),
		cl.ProduceSync(t.Context(), &kgo.Record{Topic: ledger, Partition: 0}).FirstErr()); err != nil {
		t.Fatal(err)
	}
	coordinatorSays(cluster, "Empty", 0)
	second := theOpenOne(t, cfg)
	if second.ProducerID != first.ProducerID {
		t.Fatalf("%+v is another producer's than %+v", second, first)
	}
	if err := EndTransaction(t.Context(), cfg, first, true); !errors.Is(err, ErrNoTransaction) {
		t.Errorf("the one that was meant has ended: %v", err)
	}
	if _, err := OpenTransaction(t.Context(), cfg, ledger, 1, first.ProducerID); !errors.Is(err, ErrNoTransaction) {
		t.Errorf("a partition it never wrote to: %v", err)
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	here := kadm.DescribedTransaction{TxnID: "w", State: "Ongoing", StartTimestamp: 5}
	here.Topics.Add(ledger, 3)
	with := func(change func(*kadm.DescribedTransaction)) kadm.DescribedTransaction {
		d := here
		change(&d)
		return d
	}
	for name, tc := range map[string]struct {
		told            kadm.DescribedTransaction
		known, complete bool
		want            TransactionStanding
	}{
		"it runs here":                       {here, true, true, TransactionRuns},
		"it runs here, others are silent":    {here, true, false, TransactionRuns},
		"nobody knows it":                    {kadm.DescribedTransaction{}, false, true, TransactionHangs},
		"nobody that answered knows it":      {kadm.DescribedTransaction{}, false, false, TransactionUnclear},
		"its markers are being written":      {with(func(d *kadm.DescribedTransaction) { d.State = "PrepareAbort" }), true, true, TransactionEnds},
		"it is fenced, and is being ended":   {with(func(d *kadm.DescribedTransaction) { d.State = "PrepareEpochFence" }), true, true, TransactionEnds},
		"it never had this partition":        {with(func(d *kadm.DescribedTransaction) { d.Topics = nil }), true, true, TransactionHangs},
		"a state of tomorrow's":              {with(func(d *kadm.DescribedTransaction) { d.State = "Pondering" }), true, true, TransactionUnclear},
		"it was listed and has expired":      {with(func(d *kadm.DescribedTransaction) { d.Err = kerr.TransactionalIDNotFound }), true, true, TransactionHangs},
		"it was listed and is not described": {with(func(d *kadm.DescribedTransaction) { d.Err = errors.New("away") }), true, true, TransactionUnclear},
	} {
		got := Transaction{Topic: ledger, Partition: 3}
		got.judge(tc.told, tc.known, tc.complete)
		if got.Standing != tc.want {
			t.Errorf("%s: %s, want %s", name, got.Standing, tc.want)
		}
	}
}

// The partitions are those in which a broker with five of each was seen to keep these names.
func TestWhereBrokersKeepWhatTheyKnowOfAName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int32{
		"recount.bank.aggregator": 2, "recount.bank.aggregator.remote.0": 1, "recount.bank.aggregator.two.0": 0, "recount.bank.aggregator.two.1": 4,
		"": 0, "a": 'a' % 5, "polygenelubricants": 0, // whose hash has no absolute value
	} {
		if got := keptIn(name, 5); got != want {
			t.Errorf("%q: %d, want %d", name, got, want)
		}
	}
}
