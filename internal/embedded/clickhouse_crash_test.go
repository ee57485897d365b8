package embedded_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"recount/internal/embedded"
)

// TestClickHouseLosesNoAcknowledgedRow kills the process in the middle of inserts, three times, and counts afterwards.
func TestClickHouseLosesNoAcknowledgedRow(t *testing.T) {
	t.Parallel()
	const rounds, writers = 3, 2
	o := embedded.ClickHouseOptions{DataDir: t.TempDir()}
	var acknowledged []string
	for round := range rounds {
		c, err := embedded.StartClickHouse(soon(t), o)
		if err != nil {
			t.Fatal(err)
		}
		o.Port = portOf(t, c.Addr()) // the next one takes the same port, as a restarted server does
		conn := connect(t, c, "books", clickhouse.CompressionLZ4)
		execute(t, conn, strings.Replace(accountsTable, "CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1))
		got := insertUntilKilled(t, c, conn, round, writers)
		if len(got) == 0 {
			t.Fatalf("round %d: nothing was acknowledged before the kill, so nothing was tested", round)
		}
		acknowledged = append(acknowledged, got...)
	}

	conn := connect(t, startClickHouse(t, o), "books", clickhouse.CompressionLZ4)
	var stored []string
	if err := conn.QueryRow(soon(t), "SELECT groupArray(id) FROM (SELECT id FROM accounts ORDER BY id)").Scan(&stored); err != nil {
		t.Fatal(err)
	}
	for _, id := range acknowledged {
		if _, ok := slices.BinarySearch(stored, id); !ok {
			t.Errorf("the acknowledged row %s is lost", id)
		}
	}
	if unique := slices.Compact(slices.Clone(stored)); len(unique) != len(stored) {
		t.Errorf("%d rows, but only %d different ones: an insert was applied twice", len(stored), len(unique))
	}
}

// insertUntilKilled inserts row after row while the process is killed, and returns the rows that were acknowledged.
func insertUntilKilled(t *testing.T, c *embedded.ClickHouse, conn driver.Conn, round, writers int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	var (
		mu           sync.Mutex
		acknowledged []string
		group        sync.WaitGroup
	)
	for writer := range writers {
		group.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				id := fmt.Sprintf("%d-%d-%06d", round, writer, n)
				if err := insert(ctx, conn, id); err != nil {
					return // killed: whether this row got in is unknown, and not claimed
				}
				mu.Lock()
				acknowledged = append(acknowledged, id)
				mu.Unlock()
			}
		})
	}
	for enough := func() bool { mu.Lock(); defer mu.Unlock(); return len(acknowledged) >= 20 }; !enough() && ctx.Err() == nil; {
		time.Sleep(5 * time.Millisecond)
	}
	if err := c.Kill(); err != nil {
		t.Fatal(err)
	}
	group.Wait()
	return acknowledged
}
