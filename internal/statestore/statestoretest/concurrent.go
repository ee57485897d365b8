package statestoretest

import (
	"fmt"
	"sync"

	"recount/internal/statestore"
)

const (
	wholeKeys   = 16  // keys that every batch sets to the same value
	wholeRounds = 200 // batches
)

func concurrentChecks() []Check {
	return []Check{{"readers see whole batches", wholeBatches}}
}

// wholeBatches reads while batches are applied that set all keys to one value: a reader that sees two values in one
// scan has seen half a batch.
func wholeBatches(t T, s statestore.Store) {
	t.Helper()
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := oneValue(s); err != nil {
					t.Errorf("beside a writer: %v", err)
					return
				}
			}
		})
	}
	for round := range wholeRounds {
		var b statestore.Batch
		for i := range wholeKeys {
			b.Set(fmt.Appendf(nil, "key-%02d", i), fmt.Appendf(nil, "%d", round))
		}
		if err := s.Apply(&b); err != nil {
			t.Errorf("apply: %v", err)
			break
		}
	}
	close(stop)
	readers.Wait()
}

func oneValue(s statestore.Store) error {
	all, err := collect(s, nil, nil)
	if err != nil || len(all) == 0 {
		return err
	}
	if len(all) != wholeKeys {
		return fmt.Errorf("saw %d keys, want none or %d", len(all), wholeKeys)
	}
	for _, p := range all {
		if p.value != all[0].value {
			return fmt.Errorf("saw %q beside %q: half a batch", p, all[0])
		}
	}
	return nil
}
