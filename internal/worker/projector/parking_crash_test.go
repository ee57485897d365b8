package projector

import (
	"errors"
	"fmt"
	"testing"

	"recount/internal/clickhouse"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/kafka"
	"recount/internal/worker/parking"
)

// inLog says that a view is behind the log's last record, and what is decided was carried out.
func (w *world) inLog(parked int) bool {
	w.t.Helper()
	for p, end := range w.ends {
		g, found, err := w.db.Serving(w.t.Context(), "picky")
		if err != nil || !found {
			return false
		}
		if reached, err := w.db.Reached(w.t.Context(), g, "bank", int32(p)); err != nil || reached < end {
			return false
		}
	}
	return len(w.waiting(clickhouse.Parked)) == parked
}

// parkedApart returns nil if no row of the view is of an event that is parked.
func (w *world) parkedApart() error {
	var n uint64
	err := w.db.Row(w.t.Context(), `SELECT count() FROM picky_g1 AS v WHERE (partition, offset) IN (
		SELECT partition, offset FROM parked_rows FINAL WHERE view = 'picky' AND generation = 1 AND state = 'parked')`).Scan(&n)
	if err == nil && n > 0 {
		err = fmt.Errorf("%d rows are of events that are parked", n)
	}
	return err
}

// parkingLives kills projectors at a point, first while they park and then while they release, and says whether each row is
// there once. The mapping is mended in between, while a range that was prepared with the broken one may be in work.
func parkingLives(t *testing.T, url string, c childConfig) error {
	w := newWorld(t, url)
	w.produce(10)
	w.spoil(poison)
	w.spoil(1)
	c.Picky = true
	deaths := 0
	live := func(c childConfig, over func() bool) error {
		for life := 0; life == 0 || !over(); life++ {
			if life > 20 {
				return errors.New("it makes no progress")
			}
			c.Records, c.Nth = 10+3*(life%4), 1+int64(life%2)
			if life == 3 {
				c.Point = "" // has nobody come further than that?
			}
			died, err := w.outliveOnce(w.spawn(c), over)
			if err != nil {
				return err
			}
			if died {
				deaths++
			}
		}
		return nil
	}
	// The first dies with a range of the broken mapping declared; those that come next have the mended one.
	died, err := w.outliveOnce(w.spawn(withRecords(c, 30, 1)), func() bool { return w.inLog(8) })
	if err != nil {
		return err
	}
	if died {
		deaths++
	}
	c.Mended = c.Point != parkedUnsent // what was not written down would otherwise never be parked
	settled := func() bool { return w.inLog(len(w.waiting(clickhouse.Parked))) }
	if err := live(c, settled); err != nil {
		return err
	}
	if err := w.parkedApart(); err != nil {
		return err
	}
	c.Mended = true
	w.decide(kafka.ReleaseVerdict, 0, "one")
	if err := live(c, func() bool { return w.inLog(0) }); err != nil {
		return err
	}
	c.Point = ""
	if _, err := w.outliveOnce(w.spawn(withRecords(c, 10, 1)), func() bool { return w.inLog(0) }); err != nil {
		return err
	}
	if deaths < 2 {
		return fmt.Errorf("only %d deaths: the test proves nothing", deaths)
	}
	return w.pickyHas(nothing)
}

func withRecords(c childConfig, records int, nth int64) childConfig {
	c.Records, c.Nth = records, nth
	return c
}

// outliveOnce lets a life end and says whether it was killed.
func (w *world) outliveOnce(p *child, over func() bool) (died bool, err error) {
	err = w.outlive(p, over)
	return p.ProcessState != nil && !p.ProcessState.Exited(), err
}

func TestAProjectorKilledWhileItParksOrReleasesLeavesEachRowOnce(t *testing.T) {
	t.Parallel()
	url := embeddedtest.ClickHouse(t).URL()
	for _, point := range []string{parkedUnsent, parkedAlone, rowsAlone, unconfirmed} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			if err := parkingLives(t, url, childConfig{Point: point}); err != nil {
				t.Error(err)
			}
		})
	}
	for name, c := range map[string]childConfig{
		"without the token": {Point: rowsAlone, WithoutSink: clickhouse.GuardToken | clickhouse.GuardLookup},
		"without recalling": {Point: parkedAlone, WithoutParking: parking.GuardRecall},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := parkingLives(t, url, c); err == nil {
				t.Error("everything is right: the test proves nothing")
			} else {
				t.Log(err)
			}
		})
	}
}
