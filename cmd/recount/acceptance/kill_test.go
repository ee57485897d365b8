package acceptance_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
	"recount/e2e/books"
	"recount/internal/clickhouse"
)

const (
	clickHouse = "ClickHouse"

	momentMax = 1500 * time.Millisecond // from the progress after one kill to the next
	pauseMax  = 500 * time.Millisecond  // between a kill and the restart
)

// victims are who is killed: three or four times each.
func victims(rng *rand.Rand) []string {
	out := []string{
		aggregatorProgram, aggregatorProgram, aggregatorProgram,
		projectorsProgram, projectorsProgram, projectorsProgram, projectorsProgram,
		clickHouse, clickHouse, clickHouse,
	}
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// TestKilledAtRandomMoments kills the aggregator, the projectors and ClickHouse ten times while commands come in, and
// starts them again. In the end the books must be right.
//
// Projectors that don't declare their ranges run beside the others, on the same log into a database of their own, and
// die when they do: the same audit must find their books wrong.
func TestKilledAtRandomMoments(t *testing.T) {
	t.Parallel()
	if raceEnabled {
		plainly(t)
		return
	}
	seed := seedOf(t)
	rng := rand.New(rand.NewPCG(seed, seed))
	f := newFleet(t)
	f.start(aggregatorProgram)
	f.start(projectorsProgram)
	f.start(undeclaredProgram, undeclaredFlags()...)

	auditor := role.Tool(&cli.Process{Name: "acceptance", Log: slog.New(slog.DiscardHandler)}, f.services)
	auditor.Topics = role.DefaultTopics() // whoever comes first makes them
	err := auditor.Do(t.Context(), func(ctx context.Context, foundation *role.Foundation) error {
		commands := startFeed(t, foundation, seed, filepath.Join(t.TempDir(), "rejected.ndjson"))
		db := views(t, f.services)
		f.kill(rng, db)
		commands.end(t)
		t.Logf("%d commands were sent", len(commands.sent))
		f.caughtUp(foundation, db, len(commands.sent))
		if err := audit(ctx, foundation, db, commands.sent); err != nil {
			t.Errorf("after ten kills: %v", err)
		}
		f.findsTheUndeclared(foundation, commands.sent)
		commands.sent[books.Command{Aggregate: "account", ID: "acct-000000", Command: "never-sent"}] = true
		if err := audit(ctx, foundation, db, commands.sent); !errors.Is(err, books.ErrLost) {
			t.Errorf("a command that never arrived is not missed: the audit proves nothing (it says: %v)", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// undeclaredFlags have every partition of every view be in the middle of an insert most of the time: then a kill meets some
// whose rows are there and whose offsets are not.
func undeclaredFlags() []string { return []string{"--slow", "--concurrency", "64"} }

// seedVariable repeats the choices of a run, though not its every moment.
const seedVariable = "ACCEPTANCE_SEED"

func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if given, ok := os.LookupEnv(seedVariable); ok {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatalf("%s: %v", seedVariable, err)
		}
	}
	t.Logf("%s=%d", seedVariable, seed)
	return seed
}

// kill kills everybody in turn, at random moments.
func (f *fleet) kill(rng *rand.Rand, db *clickhouse.DB) {
	f.t.Helper()
	for _, victim := range victims(rng) {
		f.progress(db, "events")
		if victim == projectorsProgram {
			f.progress(db, controlDatabase+".events")
		}
		time.Sleep(time.Duration(rng.Int64N(int64(momentMax))))
		f.t.Logf("killing %s", victim)
		pause := time.Duration(rng.Int64N(int64(pauseMax)))
		switch victim {
		case clickHouse:
			f.killEngine()
			time.Sleep(pause)
			f.startEngine()
		case projectorsProgram:
			f.die(projectorsProgram)
			f.die(undeclaredProgram)
			time.Sleep(pause)
			f.start(projectorsProgram)
			f.start(undeclaredProgram, undeclaredFlags()...)
		default:
			f.die(victim)
			time.Sleep(pause)
			f.start(victim)
		}
	}
}

// progress waits until events come into a view that were not there yet: a kill before would meet nobody at work.
func (f *fleet) progress(db *clickhouse.DB, view string) {
	f.t.Helper()
	before := int64(-1)
	eventually(f.t, "new events arrive in "+view, func() error {
		f.allLive()
		n, err := count(f.t, db, "SELECT count() FROM "+view)
		if before < 0 {
			before = n
		}
		if err == nil && n <= before {
			err = fmt.Errorf("%d events", n)
		}
		return err
	})
}

// caughtUp waits until everything sent is decided and every view has all of it.
func (f *fleet) caughtUp(foundation *role.Foundation, db *clickhouse.DB, sent int) {
	f.t.Helper()
	eventually(f.t, "every command has an outcome", func() error {
		f.allLive()
		n, err := count(f.t, db, `SELECT uniqExact(aggregate, aggregate_id, command_id) FROM
			(SELECT aggregate, aggregate_id, command_id FROM events UNION ALL SELECT aggregate, aggregate_id, command_id FROM refusals)`)
		if err == nil && n < int64(sent) {
			err = fmt.Errorf("%d of %d have one", n, sent)
		}
		return err
	})
	f.shown(foundation, db)
}

// shown waits until every view has all there is.
func (f *fleet) shown(foundation *role.Foundation, db *clickhouse.DB) {
	f.t.Helper()
	eventually(f.t, "the views catch up", func() error {
		f.allLive()
		standings, err := foundation.ViewStandings(f.t.Context(), db, time.Now())
		for _, s := range standings {
			if s.LagRecords > 0 || s.Generation == 0 {
				err = errors.Join(err, fmt.Errorf("%s is %d records behind", s.View, s.LagRecords))
			}
		}
		return err
	})
}

// findsTheUndeclared lets the projectors that don't declare finish, and audits their books.
func (f *fleet) findsTheUndeclared(foundation *role.Foundation, sent map[books.Command]bool) {
	f.t.Helper()
	f.die(undeclaredProgram)
	f.start(undeclaredProgram)
	services := foundation.Services
	services.Database = controlDatabase
	db := views(f.t, services)
	f.caughtUp(foundation, db, len(sent))
	err := audit(f.t.Context(), foundation, db, sent)
	if !errors.Is(err, books.ErrDoubled) {
		f.t.Fatalf("without declared ranges nothing is doubled: the audit proves nothing (it says: %v)", err)
	}
	f.t.Logf("without declared ranges: %v", err)
}
