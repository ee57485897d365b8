package clickhouse

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"unsafe"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
)

// feeder gives the columns of one insert to the client. What the client would take value by value, boxed and by reflection,
// it gets as a server would have sent it: in the wire's form, which a column of the client decodes as a whole.
//
// Columns keep their memory from insert to insert. A batch of the client begins with empty ones, and to let each grow to
// its size again, and again be collected, costs more than to fill it.
type feeder struct {
	wire   bytes.Buffer
	reader *proto.Reader
	words  dictionary
	spare  []column.Interface // as the last batch left them, empty
}

func newFeeder() *feeder {
	f := &feeder{}
	f.reader = proto.NewReader(&f.wire)
	return f
}

// feeders are those of one table that are idle. A sync.Pool would not do: the collector empties it while blocks are
// decoded, and that is when there is most to collect.
type feeders struct {
	mu   sync.Mutex
	idle []*feeder
}

// feedersMax is how many wait for their next insert, at most: as many as inserters keep processors busy.
func feedersMax() int { return runtime.GOMAXPROCS(0) }

func (fs *feeders) take() *feeder {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if n := len(fs.idle); n > 0 {
		f := fs.idle[n-1]
		fs.idle = fs.idle[:n-1]
		return f
	}
	return newFeeder()
}

func (fs *feeders) give(f *feeder) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if len(fs.idle) < feedersMax() {
		fs.idle = append(fs.idle, f)
	}
}

// feed is how a column takes one field of every row.
type feed func(f *feeder, into column.Interface, rows unsafe.Pointer, n int, size, at uintptr) error

// fill feeds all columns of the rows behind a *[]R.
func (f *feeder) fill(l layout, rows any, columns []column.Interface) error {
	f.lend(columns)
	p, n := l.slice(rows)
	for i, c := range l.columns {
		if err := c.feed(f, columns[i], p, n, l.row.Size(), c.at); err != nil {
			return fmt.Errorf("column %s: %w", c.name, err)
		}
	}
	return nil
}

// lend gives the memory of the last batch's columns to those of the next, which are of the same table and so of the same
// types. The last batch does not use them any more.
func (f *feeder) lend(columns []column.Interface) {
	for i, c := range f.spare {
		reflect.ValueOf(columns[i]).Elem().Set(reflect.ValueOf(c).Elem())
	}
	f.spare = nil
}

// keep empties the columns of a batch that was sent, and takes them.
func (f *feeder) keep(columns []column.Interface) {
	for _, c := range columns {
		c.Reset()
	}
	f.spare = columns
}

// feedRows is how many values are handed over at a time: few enough to stay in the processor's cache.
const feedRows = 1024

// feedEach is for what the client takes as it is.
func feedEach[T any](_ *feeder, into column.Interface, rows unsafe.Pointer, n int, size, offset uintptr) error {
	values := make([]T, min(n, feedRows))
	for first := 0; first < n; first += feedRows {
		some := values[:min(n-first, feedRows)]
		for i := range some {
			some[i] = *at[T](rows, first+i, size, offset)
		}
		if _, err := into.Append(some); err != nil {
			return err
		}
	}
	return nil
}

// feedArrays lends the bytes of arrays of one length.
func feedArrays(length uintptr) feed {
	return func(_ *feeder, into column.Interface, rows unsafe.Pointer, n int, size, offset uintptr) error {
		values := make([][]byte, n)
		for i := range values {
			values[i] = unsafe.Slice(at[byte](rows, i, size, offset), length)
		}
		_, err := into.Append(values)
		return err
	}
}

// feedMillis is for times in milliseconds: what the wire has of a DateTime64(3) are those numbers. The client would make
// a time of each, and a number of that.
func feedMillis(f *feeder, into column.Interface, rows unsafe.Pointer, n int, size, offset uintptr) error {
	f.wire.Grow(8 * n)
	room := f.wire.AvailableBuffer()
	for i := range n {
		room = binary.LittleEndian.AppendUint64(room, *at[uint64](rows, i, size, offset))
	}
	f.wire.Write(room)
	return into.Decode(f.reader, n)
}

// feedWords is for strings of which there are few, each many times: LowCardinality(String).
func feedWords(f *feeder, into column.Interface, rows unsafe.Pointer, n int, size, offset uintptr) error {
	f.words.reset(n)
	for i := range n {
		f.words.add(*at[string](rows, i, size, offset))
	}
	f.words.write(&f.wire)
	return into.Decode(f.reader, n)
}

// dictionary numbers strings as they come. Number 0 is the empty one: ClickHouse wants a column's default there.
type dictionary struct {
	numbers map[string]uint32
	words   []string
	keys    []uint32 // the number of each row's
	// lately has numbers by a digest that costs less than the map's: most columns have a handful of words in turns.
	lately [64]struct {
		word   string
		number uint32
	}
}

// forget lets go of the words: they are part of the records that rows were made of.
func (d *dictionary) forget() {
	clear(d.numbers)
	clear(d.words)
	clear(d.lately[:])
}

// reset begins a column of n rows.
func (d *dictionary) reset(n int) {
	if d.numbers == nil {
		d.numbers = map[string]uint32{}
	}
	d.forget()
	d.numbers[""], d.words, d.keys = 0, append(d.words[:0], ""), slices.Grow(d.keys[:0], n)
}

func (d *dictionary) add(word string) {
	if word == "" {
		d.keys = append(d.keys, 0)
		return
	}
	l := &d.lately[(len(word)+7*int(word[0])+31*int(word[len(word)-1]))%len(d.lately)]
	if l.word != word {
		number, known := d.numbers[word]
		if !known {
			number = uint32(len(d.words))
			d.numbers[word], d.words = number, append(d.words, word)
		}
		l.word, l.number = word, number
	}
	d.keys = append(d.keys, l.number)
}

// What the wire says before a dictionary: that it comes along with its keys, and how wide those are.
const (
	dictionaryInside = 1<<9 | 1<<10
	keys8            = 0
	keys16           = 1
	keys32           = 2
)

// write appends the column as the wire has it: the words, and behind them their numbers row by row.
func (d *dictionary) write(to *bytes.Buffer) {
	width := uint64(keys32)
	switch {
	case len(d.words) <= 1<<8:
		width = keys8
	case len(d.words) <= 1<<16:
		width = keys16
	}
	to.Grow(24 + 4*len(d.keys))
	b := to.AvailableBuffer()
	b = binary.LittleEndian.AppendUint64(b, dictionaryInside|width)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(d.words)))
	for _, w := range d.words {
		b = append(binary.AppendUvarint(b, uint64(len(w))), w...)
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(len(d.keys)))
	for _, k := range d.keys {
		switch width {
		case keys8:
			b = append(b, byte(k))
		case keys16:
			b = binary.LittleEndian.AppendUint16(b, uint16(k))
		default:
			b = binary.LittleEndian.AppendUint32(b, k)
		}
	}
	to.Write(b)
}
