package acceptance_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
	"recount/e2e/deals"
	"recount/internal/clickhouse"
)

// scale is how much is dealt, and how often somebody is killed meanwhile.
type scale struct {
	deals.Workload
	// transfers and orders are how many there are, perSecond is at what pace transfers are asked for.
	transfers, orders, perSecond int
	kills                        int
}

// TestDealsUnderFire has transfers and orders carried out while the sagas' worker, the aggregator and the projectors are
// killed at random moments. In the end no money and no article may be missing or there twice.
func TestDealsUnderFire(t *testing.T) {
	t.Parallel()
	if raceEnabled {
		plainly(t)
		return
	}
	dealUnderFire(t, scale{
		Workload:  deals.Workload{Accounts: 1_000, SKUs: 200, Customers: 400, Stock: 25, Debits: 25},
		transfers: 20_000, orders: 2_000, perSecond: 500, kills: 9,
	})
}

func dealUnderFire(t *testing.T, s scale) {
	t.Helper()
	s.Seed = seedOf(t)
	rng := rand.New(rand.NewPCG(s.Seed, s.Seed))
	f := newFleet(t)
	for _, name := range dealers() {
		f.start(name)
	}
	auditor := role.Tool(&cli.Process{Name: "acceptance", Log: slog.New(slog.DiscardHandler)}, f.services)
	auditor.Topics = role.DefaultTopics() // whoever comes first makes them
	err := auditor.Do(t.Context(), func(ctx context.Context, foundation *role.Foundation) error {
		m := openMarket(t, foundation, s)
		db := views(t, f.services)
		for n := range s.kills {
			// So many kills, however fast the machine is, and in the middle of all that is dealt.
			f.comeTo(db, "transfers end", transfersEnded, s.transfers*(n+1)/(s.kills+1))
			time.Sleep(time.Duration(rng.Int64N(int64(momentMax))))
			victim := dealers()[n%len(dealers())]
			t.Logf("killing %s", victim)
			f.die(victim)
			time.Sleep(time.Duration(rng.Int64N(int64(pauseMax))))
			f.start(victim)
		}
		m.end()
		f.dealt(foundation, db, s)
		l := f.auditDeals(ctx, foundation, db)
		f.findsTheForged(ctx, foundation, db, m, l)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// dealers are who carries deals out, and is killed in turn.
func dealers() []string { return []string{sagaProgram, aggregatorProgram, projectorsProgram} }

// What views say has ended.
const (
	transfersEnded = "SELECT countIf(status != 'requested') FROM transfers"
	ordersEnded    = "SELECT countIf(status IN ('shipped', 'cancelled')) FROM orders"
	sagasEnded     = "SELECT countIf(ended) FROM saga_instances"
)

// dealt waits until every deal has ended, and every view shows it.
func (f *fleet) dealt(foundation *role.Foundation, db *clickhouse.DB, s scale) {
	f.t.Helper()
	f.comeTo(db, "transfers end", transfersEnded, s.transfers)
	f.comeTo(db, "orders end", ordersEnded, s.orders)
	f.comeTo(db, "sagas end", sagasEnded, s.transfers+s.orders+s.DebitsOf(s.orders))
	f.shown(foundation, db)
}

// dealsPace is how often views are asked how many deals have ended: the more have, the longer an answer takes.
const dealsPace = 250 * time.Millisecond

// comeTo waits until a query that counts gives want at least. However long that takes, it must not stand still.
func (f *fleet) comeTo(db *clickhouse.DB, what, query string, want int) {
	f.t.Helper()
	most, moved := int64(-1), time.Now()
	for ; ; time.Sleep(dealsPace) {
		f.allLive()
		n, err := count(f.t, db, query)
		switch {
		case err == nil && n >= int64(want):
			return
		case err == nil && n > most:
			most, moved = n, time.Now()
		case time.Since(moved) > patience:
			f.t.Fatalf("%s: %d of %d, and nothing new for %v (%v)", what, most, want, patience, err)
		}
	}
}

// auditDeals stops who decides and audits the log, the stores and the views: nothing may be lost, and nothing done twice.
func (f *fleet) auditDeals(ctx context.Context, foundation *role.Foundation, db *clickhouse.DB) *deals.Log {
	f.t.Helper()
	f.retire(sagaProgram)
	f.retire(aggregatorProgram)
	l, err := deals.Fold(ctx, foundation.Kafka, foundation.Codec, foundation.Contexts)
	if err != nil {
		f.t.Fatal(err)
	}
	transfers, err := l.Money()
	orders, err2 := l.Stock()
	stored, err3 := l.Stores(f.stateOf(aggregatorProgram), f.services.Partitions, foundation.Codec)
	shown, err4 := l.Views(ctx, db)
	if err := errors.Join(err, err2, err3, err4); err != nil {
		f.t.Error(err)
	}
	if !maps.Equal(l.Total(), stored) || !maps.Equal(l.Total(), shown) {
		f.t.Errorf("the log has %v, the stores %v, the views %v", l.Total(), stored, shown)
	}
	if transfers.Completed == 0 || transfers.Reversed == 0 || orders.Shipped == 0 || orders.Cancelled == 0 {
		f.t.Errorf("%+v, %+v: this shows too little", transfers, orders)
	}
	f.t.Logf("%+v, %+v; money %v", transfers, orders, l.Total())
	return l
}

// findsTheForged has a deposit made once more, as a saga would that makes up its commands' IDs. Each audit must notice.
func (f *fleet) findsTheForged(ctx context.Context, foundation *role.Foundation, db *clickhouse.DB, m *market, before *deals.Log) {
	f.t.Helper()
	process, line, ok := before.Again()
	if !ok {
		f.t.Fatal("no transfer is complete")
	}
	f.start(aggregatorProgram)
	if err := m.counter.Send(ctx, process, line); err != nil {
		f.t.Fatal(err)
	}
	eventually(f.t, "the forged command is decided", func() error {
		f.allLive()
		n, err := count(f.t, db, "SELECT count() FROM events WHERE command_id = ?", line.CommandID)
		if err == nil && n == 0 {
			err = errors.New("it is not there")
		}
		return err
	})
	f.shown(foundation, db)
	f.retire(aggregatorProgram)
	after, err := deals.Fold(ctx, foundation.Kafka, foundation.Codec, foundation.Contexts)
	if err != nil {
		f.t.Fatal(err)
	}
	_, err = after.Money()
	if !errors.Is(err, deals.ErrTwice) || !errors.Is(err, deals.ErrMoney) {
		f.t.Errorf("money that arrives twice is not missed in the log: the audit proves nothing (it says: %v)", err)
	}
	stored, err := before.Stores(f.stateOf(aggregatorProgram), f.services.Partitions, foundation.Codec)
	if !errors.Is(err, deals.ErrDiffer) || maps.Equal(stored, before.Total()) {
		f.t.Errorf("money that arrives twice is not missed in the stores: the audit proves nothing (it says: %v)", err)
	}
	if shown, err := before.Views(ctx, db); err != nil || maps.Equal(shown, before.Total()) {
		f.t.Errorf("money that arrives twice is not missed in the views: the audit proves nothing (it says: %v)", err)
	}
}
