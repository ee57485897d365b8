package clickhouse

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

// testClaims has many claim one name at once, of whom one gets it; and others wait for its end, or its death.
func testClaims(t *testing.T, db *DB) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var held []*Claim
	for range 8 {
		wg.Go(func() {
			c, _, err := db.Claim(t.Context(), "books", "ada", 10*time.Second)
			if err != nil && !errors.Is(err, ErrClaimed) {
				t.Error(err)
			}
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				held = append(held, c)
			}
		})
	}
	wg.Wait()
	if len(held) != 1 {
		t.Fatalf("%d hold one claim", len(held))
	}
	if _, _, err := db.Claim(t.Context(), "books", "bob", time.Second); err == nil || !strings.Contains(err.Error(), "ada") {
		t.Errorf("got %v", err)
	}
	if who, claimed, err := db.Claimed(t.Context(), "books"); err != nil || !claimed || who != "ada" {
		t.Errorf("%q %v %v", who, claimed, err)
	}
	if err := held[0].Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, claimed, err := db.Claimed(t.Context(), "books"); err != nil || claimed {
		t.Errorf("it was released, %v", err)
	}
	testFrozenHolder(t, db)
}

// testFrozenHolder takes a claim over from a holder that did not renew it, and lets the holder find out.
func testFrozenHolder(t *testing.T, db *DB) {
	const hold = 400 * time.Millisecond
	frozen := &Claim{db: db, name: "ledger", holder: "frozen", who: "frozen", hold: hold}
	if err := frozen.take(t.Context(), hold); err != nil {
		t.Fatal(err)
	}
	if err := frozen.Check(); err != nil {
		t.Error(err)
	}
	time.Sleep(2 * hold)
	if err := frozen.Check(); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a claim that was not renewed: %v", err)
	}
	next, _, err := db.Claim(t.Context(), "ledger", "bob", 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if err := frozen.take(t.Context(), hold); !errors.Is(err, ErrClaimed) || !strings.Contains(err.Error(), "bob") {
		t.Errorf("got %v", err)
	}
	if err := next.Release(t.Context()); err != nil {
		t.Error(err)
	}
}
