package engine_test

import (
	"fmt"
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
	r.cfg.Partitions, r.cfg.Partition, r.cfg.CacheEntries = 1, 0, aggregates
	r.open()
	overlay := statestore.NewOverlay(r.store)
	var err error
	if r.p, err = engine.Open(r.cfg, overlay); err != nil {
		b.Fatal(err)
	}
	var frames [][]byte
	for i := range b.N {
		meta := es.CommandMeta{AggregateID: fmt.Sprint("acct-", (i*7919)%aggregates), CommandID: fmt.Sprintf("0190b3c4-7a1e-7000-8000-%012d", i)}
		frame, err := r.codec.CommandFromJSON("lab.counter.add", meta, []byte(`{"by":0,"times":1}`))
		if err != nil {
			b.Fatal(err)
		}
		frames = append(frames, frame)
	}
	b.ReportAllocs()
	b.ResetTimer()
	events := int64(0)
	for from := 0; from < b.N; from += batch {
		var inputs []engine.Input
		for i := from; i < min(from+batch, b.N); i++ {
			inputs = append(inputs, engine.Input{Offset: int64(i), Value: frames[i]})
		}
		fx := r.step(int64(from), inputs...)
		events += int64(len(fx.Events))
		r.p.Commit(fx, events, 0)
		for _, w := range fx.Writes {
			if err := overlay.Set(w.Key, w.Value); err != nil {
				b.Fatal(err)
			}
		}
		if from/batch%10 == 9 {
			flushRig(b, r, overlay)
		}
	}
	if events != int64(b.N) {
		b.Fatalf("%d events of %d commands", events, b.N)
	}
}

func flushRig(b *testing.B, r *rig, overlay *statestore.Overlay) {
	writes, _ := r.p.Flush()
	for _, w := range writes {
		if err := overlay.Set(w.Key, w.Value); err != nil {
			b.Fatal(err)
		}
	}
	var batch statestore.Batch
	if err := overlay.Flush(&batch, r.store.Apply); err != nil {
		b.Fatal(err)
	}
}
