package engine

import (
	"encoding/binary"
	"errors"
	"fmt"

	"recount/internal/es"
)

// outcome is what the dedup window remembers of a command.
type outcome struct {
	hash    int64 // of the command's body
	version int64 // of the aggregate afterwards
	kind    es.Outcome
	code    string
}

// window remembers the outcomes of a partition's commands for a stated time and number, whichever ends first.
// One map answers in one look-up; who is to be forgotten next stands in buckets, oldest first, each with a share of
// the time and of the number, so that forgetting is exact to 1/16 of either.
type window struct {
	spanMillis int64 // how long an outcome is remembered
	entriesMax int
	known      map[es.ID]outcome
	buckets    []bucket
	newest     int64 // the latest recorded time seen
	evicted    int64 // forgotten for their number, before their time
	unflushed  []remembered
}

// bucket lists what came into the window together.
type bucket struct {
	first, last int64 // recorded times: of the first that came, and the latest
	oldest      int64 // the earliest: a fold takes events and refusals in turns, and each begins where it likes
	ids         []es.ID
}

// remembered is one entry on its way into the window, and from there to the store.
type remembered struct {
	id   es.ID
	at   int64 // recorded, Unix milliseconds
	what outcome
}

const bucketsPerWindow = 16

func newWindow(spanMillis int64, entriesMax int) *window {
	return &window{spanMillis: spanMillis, entriesMax: max(entriesMax, bucketsPerWindow), known: map[es.ID]outcome{}}
}

func (w *window) find(id es.ID) (outcome, bool) {
	o, ok := w.known[id]
	return o, ok
}

// add remembers r, replacing what is known of it, and forgets what has left the window.
func (w *window) add(r remembered) {
	if w.put(r) {
		w.unflushed = append(w.unflushed, r)
	}
}

// put is add without telling the store. It reports whether r lies in the window: a fold meets older ones.
func (w *window) put(r remembered) bool {
	w.newest = max(w.newest, r.at)
	if r.at <= w.newest-w.spanMillis {
		return false
	}
	if _, again := w.known[r.id]; !again {
		b := w.open(r.at)
		b.ids = append(b.ids, r.id)
	}
	w.known[r.id] = r.what
	w.forget()
	return true
}

// open returns the newest bucket, a new one if that has had its share of time or number.
func (w *window) open(at int64) *bucket {
	n := len(w.buckets)
	if n == 0 || len(w.buckets[n-1].ids) >= w.entriesMax/bucketsPerWindow || at-w.buckets[n-1].first > w.spanMillis/bucketsPerWindow {
		w.buckets = append(w.buckets, bucket{first: at, last: at, oldest: at})
		n++
	}
	b := &w.buckets[n-1]
	b.last, b.oldest = max(b.last, at), min(b.oldest, at)
	return b
}

// begins is when the earliest of the remembered was recorded. A stored block that ends before it is of no use.
func (w *window) begins() int64 {
	begins := w.newest - w.spanMillis
	if len(w.buckets) > 0 {
		oldest := w.buckets[0].oldest
		for _, b := range w.buckets[1:] {
			oldest = min(oldest, b.oldest)
		}
		begins = max(begins, oldest)
	}
	return begins
}

func (w *window) forget() {
	for len(w.buckets) > 0 && w.buckets[0].last <= w.newest-w.spanMillis {
		w.drop()
	}
	for len(w.known) > w.entriesMax {
		w.evicted += int64(len(w.buckets[0].ids))
		w.drop()
	}
}

func (w *window) drop() {
	for _, id := range w.buckets[0].ids {
		delete(w.known, id)
	}
	w.buckets = w.buckets[1:]
}

// blockEntriesMax bounds a stored block: some 6 MB, well below what a store takes as one value.
const blockEntriesMax = 100_000

// block encodes entries added since the last block, for the store, and when the newest of them was recorded. It is to be
// called until there is none.
func (w *window) block() (b []byte, newest int64) {
	n := min(len(w.unflushed), blockEntriesMax)
	for _, r := range w.unflushed[:n] {
		newest = max(newest, r.at)
		b = append(b, r.id[:]...)
		b = binary.AppendVarint(b, r.at)
		b = binary.AppendVarint(b, r.what.hash)
		b = binary.AppendVarint(b, r.what.version)
		b = appendString(b, string(r.what.kind))
		b = appendString(b, r.what.code)
	}
	w.unflushed = w.unflushed[:copy(w.unflushed, w.unflushed[n:])]
	return b, newest
}

// load remembers the entries of a stored block.
func (w *window) load(b []byte) error {
	for len(b) > 0 {
		var r remembered
		d := decoder{b: b}
		d.id(&r.id)
		r.at, r.what.hash, r.what.version = d.varint(), d.varint(), d.varint()
		r.what.kind, r.what.code = es.Outcome(d.string()), d.string()
		if d.err != nil {
			return fmt.Errorf("reading a dedup block: %w", d.err)
		}
		w.put(r)
		b = d.b
	}
	w.evicted = 0 // whoever remembered them before has counted them
	return nil
}

var errShort = errors.New("value is cut short")

// decoder reads the store's own small values; the first error sticks.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.b, d.err = nil, errShort
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.b, d.err = nil, errShort
		return nil
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) id(to *es.ID) { copy(to[:], d.take(len(to))) }
func (d *decoder) string() string {
	return string(d.take(int(d.varint())))
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendVarint(b, int64(len(s))), s...)
}
