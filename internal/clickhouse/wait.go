package clickhouse

import (
	"context"
	"fmt"
	"sync"
	"time"

	"recount/internal/es"
)

// waits are those who wait for views. However many there are, one goroutine asks for all of them, and there is none
// while nobody waits.
type waits struct {
	mu      sync.Mutex
	waiting map[*waiting]bool
}

// waiting is one who waits.
type waiting struct {
	view string
	at   es.Position
	done chan error // takes one
	next int64      // how far the view was when it was asked last; guarded by waits.mu
}

// waitPause is how long the database is left alone between two questions: what a wait lasts too long at most, and a
// fraction of what a view needs anyway.
const waitPause = 10 * time.Millisecond

// WaitFor blocks until the generation of a view that serves has everything up to a position: read your own writes. A view
// that is not there yet is waited for, too. When ctx ends first, the error wraps its error and says how far the view is.
func (db *DB) WaitFor(ctx context.Context, view string, at es.Position) error {
	w := &waiting{view: view, at: at, done: make(chan error, 1)}
	db.await(w)
	defer db.leave(w)
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("view %s has not reached %s: %s: %w", view, at, db.stands(w), ctx.Err())
	}
}

// await adds one who waits, and starts the goroutine for the first. It stops under the same lock, once it has seen that
// nobody is left, so nobody is added to a goroutine that has stopped.
func (db *DB) await(w *waiting) {
	db.waits.mu.Lock()
	defer db.waits.mu.Unlock()
	if len(db.waits.waiting) == 0 {
		db.waits.waiting = map[*waiting]bool{}
		go db.watch(db.waits.waiting)
	}
	db.waits.waiting[w] = true
}

func (db *DB) leave(w *waiting) {
	db.waits.mu.Lock()
	defer db.waits.mu.Unlock()
	delete(db.waits.waiting, w)
}

func (db *DB) stands(w *waiting) string {
	db.waits.mu.Lock()
	defer db.waits.mu.Unlock()
	if w.next == 0 {
		return "it has nothing of that partition yet"
	}
	return "it is at " + es.Position{Context: w.at.Context, Partition: w.at.Partition, Offset: w.next - 1}.String()
}

// watch asks until nobody of mine waits. Whoever comes after that has a map, and a goroutine, of its own.
func (db *DB) watch(mine map[*waiting]bool) {
	for pause := waitPause; ; {
		reached, err := db.AllReached(context.Background()) // it outlives any one of those who wait
		if err != nil && transient(err) {
			// The next question may be answered; who has no time for that leaves. A ClickHouse that can't answer is asked ever
			// more seldom, so that this is not what keeps it from coming back.
			err, pause = nil, min(2*pause, retryPauseMax)
		} else {
			pause = waitPause
		}
		db.waits.mu.Lock()
		for w := range mine {
			next := reached[ServedPartition{w.view, w.at.Context, w.at.Partition}]
			w.next = max(w.next, next)
			switch {
			case err != nil:
				w.done <- fmt.Errorf("waiting for view %s to reach %s: %w", w.view, w.at, err)
				delete(mine, w)
			case next > w.at.Offset:
				w.done <- nil
				delete(mine, w)
			}
		}
		over := len(mine) == 0
		db.waits.mu.Unlock()
		if over {
			return
		}
		time.Sleep(pause)
	}
}

// ServedPartition is a partition of a context, as the generation of a view has it that serves.
type ServedPartition struct {
	View, Context string
	Partition     int32
}

// AllReached returns, for every view's generation that serves, the next offset of each partition: all below are in. What is
// missing has nothing in it yet. It is one question, however many views there are.
func (db *DB) AllReached(ctx context.Context) (map[ServedPartition]int64, error) {
	var rows []struct {
		View      string `ch:"of"`
		Context   string `ch:"context"`
		Partition int32  `ch:"partition"`
		Next      int64  `ch:"next"`
	}
	err := db.Select(ctx, &rows, `SELECT toString(view) AS of, toString(context) AS context, partition, max(next_offset) AS next FROM watermark_rows
		WHERE (view, generation) IN (
			SELECT view, max(generation) FROM (SELECT view, generation FROM generations GROUP BY view, generation HAVING argMax(state, change) = ?) GROUP BY view
		) GROUP BY of, context, partition`, string(StateServing))
	if err != nil {
		return nil, fmt.Errorf("asking how far the views are: %w", err)
	}
	out := make(map[ServedPartition]int64, len(rows))
	for _, r := range rows {
		out[ServedPartition{r.View, r.Context, r.Partition}] = r.Next
	}
	return out, nil
}
