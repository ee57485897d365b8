package clickhouse

import (
	"fmt"
	"testing"
	"time"

	"recount/internal/es"
)

// testFeed inserts one batch after another by one sink, whose columns keep their memory: few words and many, long blocks and
// short ones. What one left behind must not be seen in the next.
func testFeed(t *testing.T, db *DB) {
	f := newFixture()
	pace := testPace()
	pace.InsertLifetime = time.Minute // of 90,000 rows, on a machine that has much else to do
	s := f.sink(t, db, SinkConfig{Pace: pace})
	word := func(o int64, words int64) kind {
		if o%7 == 0 {
			return ""
		}
		return kind(fmt.Sprintf("word %d", o%words))
	}
	first := int64(0)
	for partition, of := range []struct{ rows, words int64 }{{90_000, 70_000}, {3, 2}, {feedRows + 1, 300}, {2_000, 3}, {1, 1}} {
		rows := es.NewRows(f.view.Tables...)
		for o := first; o < first+of.rows; o++ {
			f.entries.Append(rows, entry{
				Context: "bank", Partition: int32(partition), Offset: o, Kind: word(o, of.words), Raw: fmt.Append(nil, o), At: 1_700_000_000_000 + o, Amount: o,
			})
		}
		insert(t, s, Batch{Context: "bank", Partition: int32(partition), First: first, Last: first + of.rows - 1, Rows: rows})
		var right uint64
		err := db.Row(t.Context(), `SELECT count() FROM entries_g1 WHERE partition = ? AND amount = offset AND raw = toString(offset) AND context = 'bank'
			AND toUnixTimestamp64Milli(at) = 1700000000000 + offset AND kind = if(offset % 7 = 0, '', concat('word ', toString(offset % ?)))`, partition, of.words).Scan(&right)
		if err != nil || right != uint64(of.rows) {
			t.Errorf("%d of %d rows with %d words arrived as they were, %v", right, of.rows, of.words, err)
		}
		first += of.rows
	}
}

func TestOnlyWhatLeavesTheMachineIsCompressed(t *testing.T) {
	t.Parallel()
	for url, packed := range map[string]bool{
		"http://localhost:8123": false, "tcp://127.0.0.1:9000": false, "http://[::1]:8123": false,
		"tcp://clickhouse:9000": true, "http://10.0.0.7:8123": true, "tcp://localhost:9000,tcp://10.0.0.7:9000": true,
	} {
		o, err := Config{URL: url}.withDefaults().options("default")
		if err != nil || (o.Compression != nil) != packed {
			t.Errorf("%s: %v, %v", url, o, err)
		}
	}
}
