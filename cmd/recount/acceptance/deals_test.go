package acceptance_test

import (
	"context"
	"errors"
	"fmt"
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
	// transfers and orders are how many there are at least, perSecond is at what pace transfers are asked for.
	transfers, orders, perSecond int
	kills                        int
}

// TestDealsUnderFire has transfers and orders carried out while the sagas' worker, the aggregator and the projectors are
// killed at random moments. In the end no money and no article may be missing or there twice.
func TestDealsUnderFire(t *testing.T) {
	t.Parallel()
	dealUnderFire(t, scale{
		Workload:  deals.Workload{Accounts: 100, SKUs: 20, Customers: 40, Stock: 30},
		transfers: 2_000, orders: 200, perSecond: 60, kills: 9,
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
			f.progress(db, "events")
			time.Sleep(time.Duration(rng.Int64N(int64(momentMax))))
			victim := dealers()[n%len(dealers())]
			t.Logf("killing %s", victim)
			f.die(victim)
			time.Sleep(time.Duration(rng.Int64N(int64(pauseMax))))
			f.start(victim)
		}
		m.enough()
		f.dealt(foundation, db, m)
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

// dealt waits until every deal has ended, and every view shows it.
func (f *fleet) dealt(foundation *role.Foundation, db *clickhouse.DB, m *market) {
	f.t.Helper()
	for what, q := range map[string]struct {
		query string
		want  int
	}{
		"transfers end": {"SELECT countIf(status != 'requested') FROM transfers", m.transfers},
		"orders end":    {"SELECT countIf(status IN ('shipped', 'cancelled')) FROM orders", m.orders},
		"sagas end":     {"SELECT countIf(ended) FROM saga_instances", m.transfers + m.orders},
	} {
		eventually(f.t, what, func() error {
			f.allLive()
			n, err := count(f.t, db, q.query)
			if err == nil && n < int64(q.want) {
				err = fmt.Errorf("%d of %d", n, q.want)
			}
			return err
		})
	}
	f.shown(foundation, db)
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
