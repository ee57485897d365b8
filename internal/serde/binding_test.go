package serde

import (
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/twmb/avro"

	"recount/internal/es"
)

// What a box held must not be seen by the next user of the pool, nor be kept alive by it.
func TestBoxesAreGivenBackEmpty(t *testing.T) {
	t.Parallel()
	b := newBinding(reflect.TypeFor[bookAdded]())
	x := b.boxes.Get().(*box)
	x.value.Set(reflect.ValueOf(filled[bookAdded](t)))
	b.release(x)
	if !x.value.IsZero() {
		t.Errorf("the box still holds %v", x.value)
	}
}

// The proof must fail for a value that is lost, even where no library complains.
func TestProofFindsLostValues(t *testing.T) {
	t.Parallel()
	s, err := avro.Parse(`{"type":"record","name":"R","fields":[{"name":"a","type":"string","default":"x"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	type fits struct {
		A string `avro:"a"`
	}
	type loses struct {
		A string `avro:"a"`
		B string `avro:"b"` // the schema has no b: twmb/avro passes over it without a word
	}
	if err := prove(newBinding(reflect.TypeFor[fits]()), s); err != nil {
		t.Errorf("prove = %v", err)
	}
	err = prove(newBinding(reflect.TypeFor[loses]()), s)
	if err == nil || !strings.Contains(err.Error(), "wrote {A:text 2 B:text 3}, and read {A:text 2 B:}") {
		t.Errorf("prove = %v", err)
	}
}

// A partition keeps a few letters of many events for ever, those that its states consist of. They must not keep
// everything that was decoded beside them.
func TestAKeptStringKeepsItsRecordAtMost(t *testing.T) {
	const kept, among, bytesEach = 2_000, 16, 512
	_, c, a := libraryCodec(t)
	meta := filled[es.Meta](t)
	frame, _, _, err := c.AppendEvent(nil, a, &meta, bookAdded{Title: "Emma"})
	if err != nil {
		t.Fatal(err)
	}
	titles := make([]string, 0, kept)
	before := heap()
	for i := range kept * among {
		e, err := c.DecodeEvent(frame)
		if err != nil {
			t.Fatal(err)
		}
		if i%among == 0 {
			titles = append(titles, e.Body.(bookAdded).Title)
		}
	}
	if grew := heap() - before; grew > kept*bytesEach {
		t.Errorf("%d titles keep %d bytes", len(titles), grew)
	}
	runtime.KeepAlive(titles)
	runtime.KeepAlive(c)
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // the second empties what the first left in pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
