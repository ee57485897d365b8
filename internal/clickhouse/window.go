package clickhouse

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Pace is how fast ranges are inserted and how long one may take to be repeated. A table must remember the tokens of
// that time, counted in inserts, or a repeated range is there twice.
type Pace struct {
	// PerSecond is how many ranges a second are inserted into one table at most, by all processes together.
	PerSecond int
	// Takeover is the longest time from a worker's death until another repeats its range.
	Takeover time.Duration
	// InsertLifetime is how long a range is tried to be inserted before it is given up.
	InsertLifetime time.Duration
}

// The defaults of Pace.
const (
	PerSecondDefault      = 100
	InsertLifetimeDefault = 20 * time.Second
	TakeoverDefault       = 2 * time.Minute
)

// Outage is how long after its first attempt a range can be repeated and still be recognized.
func (p Pace) Outage() time.Duration { return p.Takeover + p.InsertLifetime }

// Window is the deduplication window a table needs, in inserts.
func (p Pace) Window() int {
	return int(math.Ceil(float64(p.PerSecond) * p.Outage().Seconds()))
}

// engine is what a table's engine has to say about repeated inserts.
type engine struct {
	name   string
	window int
	// Of one that keeps the newest row of each key: what its rows are sorted by, and the column that says which is newer.
	key     []string
	version string
}

// replaces says whether a repeated row is the same row anyway.
func (e engine) replaces() bool { return strings.HasSuffix(e.name, "ReplacingMergeTree") }

// replicated says whether tokens and rows appear together, in Keeper. Rows may then be there and not yet be on the
// replica that is asked.
func (e engine) replicated() bool {
	return strings.HasPrefix(e.name, "Replicated") || strings.HasPrefix(e.name, "Shared")
}

// engineOf reads a table's engine and the window it was made with.
func (db *DB) engineOf(ctx context.Context, table string) (engine, error) {
	var name, full, key string
	err := db.Row(ctx, "SELECT engine, engine_full, sorting_key FROM system.tables WHERE database = ? AND name = ?", db.cfg.Database, table).Scan(&name, &full, &key)
	if err != nil {
		return engine{}, fmt.Errorf("reading the engine of table %s: %w", table, err)
	}
	setting, settings := "non_replicated_deduplication_window", "system.merge_tree_settings"
	if (engine{name: name}).replicated() {
		setting, settings = "replicated_deduplication_window", "system.replicated_merge_tree_settings"
	}
	value := ""
	if m := regexp.MustCompile(`\b` + setting + ` = (\d+)`).FindStringSubmatch(full); m != nil {
		value = m[1]
	} else if err := db.Row(ctx, "SELECT value FROM "+settings+" WHERE name = ?", setting).Scan(&value); err != nil {
		return engine{}, fmt.Errorf("reading the server's %s: %w", setting, err)
	}
	window, err := strconv.Atoi(value)
	if err != nil {
		return engine{}, fmt.Errorf("reading the %s of table %s: %w", setting, table, err)
	}
	return engine{name: name, window: window, key: strings.Split(key, ", "), version: versionColumn(full)}, nil
}

// assertWindow refuses a table that would forget a token before its range can be repeated.
func (e engine) assertWindow(table string, pace Pace) error {
	if need := pace.Window(); e.window < need {
		return fmt.Errorf("clickhouse: table %s remembers the last %d inserts, but %d inserts a second and %v until a range is "+
			"repeated need %d: ALTER TABLE %s MODIFY SETTING non_replicated_deduplication_window = %d "+
			"(replicated_deduplication_window on a replicated table)",
			table, e.window, pace.PerSecond, pace.Outage(), need, table, need)
	}
	return nil
}
