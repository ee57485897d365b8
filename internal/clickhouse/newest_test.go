package clickhouse

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// state is a row of a table that keeps the newest of each key.
type state struct {
	Context string `ch:"context"`
	Account string `ch:"account"`
	Part    int32  `ch:"part"`
	Version uint64 `ch:"version"`
	Note    string `ch:"note"`
}

func TestOnlyTheNewestRowOfEachKeyIsInserted(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		keys := [][]string{{"account"}, {"context", "account"}, {"account", "part"}}[seed%3]
		n := newestOf(engine{name: "ReplacingMergeTree", key: keys, version: "version"}, reflect.TypeFor[state]())
		var rows []state
		want := map[string]state{}
		for i := range random.IntN(200) {
			r := state{
				Context: []string{"a", "ab"}[random.IntN(2)], Account: []string{"b", "bb", "", "1"}[random.IntN(4)], Part: random.Int32N(3),
				Version: random.Uint64N(9), Note: fmt.Sprint(i),
			}
			rows = append(rows, r)
			key := map[string]string{"account": r.Account, "context": r.Context, "part": fmt.Sprint(r.Part)}
			text := fmt.Sprintf("%q %q", key[keys[0]], key[keys[len(keys)-1]])
			if old, there := want[text]; !there || r.Version >= old.Version { // of equal versions the last one counts
				want[text] = r
			}
		}
		n.thin(&rows)
		n.thin(&rows) // the same rows inserted again are the same rows
		if len(rows) != len(want) {
			t.Fatalf("seed %d: %d rows are left of %d keys", seed, len(rows), len(want))
		}
		for _, r := range rows {
			if !slices.Contains(slices.Collect(maps.Values(want)), r) {
				t.Errorf("seed %d: %+v is not the newest of its key", seed, r)
			}
		}
	}
}

func TestTheVersionColumnIsReadFromTheEngine(t *testing.T) {
	t.Parallel()
	for engine, want := range map[string]string{
		"ReplacingMergeTree(version) ORDER BY a":                              "version",
		"ReplicatedReplacingMergeTree('/t/{shard}', '{replica}', v) ORDER BY": "v",
		"ReplacingMergeTree ORDER BY a":                                       "",
		"ReplacingMergeTree(version, is_deleted) ORDER BY a":                  "",
		"MergeTree ORDER BY a":                                                "",
	} {
		if got := versionColumn(engine); got != want {
			t.Errorf("%s: %q, want %q", engine, got, want)
		}
	}
}

// TestVersionsBelowZeroAreOlder than those above.
func TestVersionsBelowZeroAreOlder(t *testing.T) {
	t.Parallel()
	type wide struct {
		Key     string `ch:"key"`
		Version int64  `ch:"version"`
	}
	type narrow struct {
		Key     string `ch:"key"`
		Version int32  `ch:"version"`
	}
	e := engine{name: "ReplacingMergeTree", key: []string{"key"}, version: "version"}
	w := []wide{{"a", -2}, {"a", 1}, {"b", -1}, {"a", -3}, {"b", -4}}
	newestOf(e, reflect.TypeFor[wide]()).thin(&w)
	n := []narrow{{"a", -2}, {"a", 1}, {"b", -1}, {"a", -3}, {"b", -4}}
	newestOf(e, reflect.TypeFor[narrow]()).thin(&n)
	if !slices.Equal(w, []wide{{"a", 1}, {"b", -1}}) || !slices.Equal(n, []narrow{{"a", 1}, {"b", -1}}) {
		t.Errorf("%v, %v", w, n)
	}
}
