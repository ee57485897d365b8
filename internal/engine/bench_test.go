package engine_test

import (
	"bytes"
	"strconv"
	"testing"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/statestore"
)

// BenchmarkStep decides batches of commands over many aggregates, commits them and flushes every tenth batch: the whole
// of what a partition's goroutine does beside Kafka.
func BenchmarkStep(b *testing.B) {
	const aggregates, batch = 16_000, 4_000
	r := newRig(b, 1)
	r.cfg.Partitions, r.cfg.Partition = 1, 0
	r.cfg.CacheBytes, r.cfg.DedupEntries = engine.CacheBytesDefault, engine.DedupEntriesDefault
	r.open()
	overlay := statestore.NewOverlay(r.store)
	var err error
	if r.p, err = engine.Open(r.cfg, overlay); err != nil {
		b.Fatal(err)
	}
	frames := commandFrames(b, r, batch)
	inputs := make([]engine.Input, batch)
	events := int64(0)
	b.ReportAllocs()
	for from := 0; b.Loop(); from += batch {
		for i := range inputs {
			frames[i].patch(from+i, (from+i)*7919%aggregates)
			inputs[i] = engine.Input{Offset: int64(from + i), Value: frames[i].bytes}
		}
		fx := r.step(int64(from), inputs...)
		if events += int64(len(fx.Events)); events != int64(from+batch) {
			b.Fatalf("%d events of %d commands", events, from+batch)
		}
		r.p.Commit(fx, events, 0)
		if from/batch%10 == 9 {
			flushRig(b, r, overlay)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/command")
}

// commandFrame is a command's frame whose identities can be written over, so that making it costs the benchmark nothing.
type commandFrame struct {
	bytes           []byte
	id, commandID   int // where they stand
	idLen, indexLen int
}

func commandFrames(b *testing.B, r *rig, n int) []commandFrame {
	const id, commandID = "acct-00000", "0190b3c4-7a1e-7000-8000-000000000000"
	frame, err := r.codec.CommandFromJSON("lab.counter.add", es.CommandMeta{AggregateID: id, CommandID: commandID}, []byte(`{"by":0,"times":1}`))
	if err != nil {
		b.Fatal(err)
	}
	out := make([]commandFrame, n)
	for i := range out {
		out[i] = commandFrame{
			bytes: bytes.Clone(frame), id: bytes.Index(frame, []byte(id)) + 5, idLen: 5,
			commandID: bytes.Index(frame, []byte(commandID)) + 24, indexLen: 12,
		}
	}
	return out
}

func (f *commandFrame) patch(command, aggregate int) {
	put := func(at, length, n int) {
		var digits [20]byte
		text := strconv.AppendInt(digits[:0], int64(n), 10)
		copy(f.bytes[at+length-len(text):], text)
	}
	copy(f.bytes[f.id:], "00000")
	put(f.id, f.idLen, aggregate)
	put(f.commandID, f.indexLen, command)
}

func flushRig(b *testing.B, r *rig, overlay *statestore.Overlay) {
	writes, deletes, err := r.p.Flush()
	if err != nil {
		b.Fatal(err)
	}
	for _, w := range writes {
		if err := overlay.Set(w.Key, w.Value); err != nil {
			b.Fatal(err)
		}
	}
	for _, key := range deletes {
		if err := overlay.Delete(key); err != nil {
			b.Fatal(err)
		}
	}
	var batch statestore.Batch
	if err := overlay.Flush(&batch, r.store.Apply); err != nil {
		b.Fatal(err)
	}
}
