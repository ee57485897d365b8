package acceptance_test

import (
	"bytes"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// TestShopAnalysts plays the story of docs/analysts-shop.md, asks every question of the page and compares every answer.
func TestShopAnalysts(t *testing.T) {
	t.Parallel()
	answersHold(t, "analysts-shop.md", playShop)
}

// shopEvents are how many events the shop has after each part of the story: sagas go on by themselves until they wait.
func shopEvents() []int64 { return []int64{4, 15, 26, 40, 44, 54} }

// loadedBehind is the part of the story behind which the moment called loaded is.
const loadedBehind = 5

// playShop plays each part of the page's story once the one before has come to rest, and returns the moment before the last,
// of which the views know everything.
func playShop(t *testing.T, w *whole, page string) (loaded time.Time) {
	t.Helper()
	parts := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(page, -1)
	if len(parts) != len(shopEvents()) {
		t.Fatalf("the story has %d parts, want %d", len(parts), len(shopEvents()))
	}
	for i, part := range parts {
		res, err := load(t.Context(), w.Foundation, bytes.NewReader([]byte(part[1])), filepath.Join(t.TempDir(), "rejected.ndjson"))
		if err != nil || res.Published == 0 {
			t.Fatalf("published %d lines: %v", res.Published, err)
		}
		eventuallyCounts(t, w.db, shopEvents()[i], "SELECT count() FROM events WHERE context = 'shop'")
		if i+1 == loadedBehind {
			loaded = between()
		}
	}
	for view, events := range map[string]string{
		"order_history": "aggregate = 'order'", "inventory_history": "aggregate = 'inventory'", "financial_entries": "event_type IN ('PaymentReceived', 'PaymentRefunded')",
	} {
		n, err := count(t, w.db, "SELECT count() FROM events WHERE context = 'shop' AND "+events)
		if err != nil {
			t.Fatal(err)
		}
		eventuallyCounts(t, w.db, n, "SELECT count() FROM "+view)
	}
	knowsAllOf(t, w, "inventory_allocation", loaded)
	return loaded
}
