package bankday

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestTheSameSeedGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	text := func(seed uint64) string {
		var b bytes.Buffer
		if err := (Month{Seed: seed, Commands: 5_000}).WriteLines(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	first, again := text(1), text(1)
	if first != again {
		t.Error("the same seed gave another month")
	}
	if first == text(2) {
		t.Error("another seed gave the same month")
	}
}

func TestAMonthHasEverythingThatGoesWrong(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := (Month{Seed: 1, Commands: 20_000}).WriteLines(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 20_000 {
		t.Fatalf("%d lines", len(lines))
	}
	types, ids, texts := map[string]int{}, map[string]int{}, map[string]int{}
	byAccount := map[string]int{}
	var stale, late, repeated, reused int
	newest := time.Time{}
	start, end := Span()
	for _, text := range lines {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		types[l.Type]++
		byAccount[l.ID]++
		at, err := time.Parse(time.RFC3339Nano, l.ValidAt)
		if err != nil || at.Before(start.AddDate(0, 0, -10)) || !at.Before(end) {
			t.Fatalf("valid_at %s: %v", l.ValidAt, err)
		}
		if at.Before(newest.Add(-time.Hour)) {
			late++
		}
		if at.After(newest) {
			newest = at
		}
		if l.ExpectedVersion != nil {
			stale++
		}
		if texts[text] > 0 {
			repeated++
		} else if ids[l.CommandID] > 0 {
			reused++
		}
		ids[l.CommandID]++
		texts[text]++
	}
	if len(types) != 7 || stale < 100 || late < 300 || repeated < 300 || reused < 5 {
		t.Errorf("types %v, stale %d, late %d, repeated %d, reused %d", types, stale, late, repeated, reused)
	}
	if busiest := byAccount[account(0)]; busiest < 10*commandsPerAccount {
		t.Errorf("the busiest account has %d commands: the traffic is not skewed", busiest)
	}
}
