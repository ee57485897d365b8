package history

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"recount/internal/engine"
	"recount/internal/kafka"
	"recount/internal/statestore"
)

// writer writes the past of one partition.
type writer struct {
	context string
	client  *kgo.Client
	engine  *engine.Partition
	store   statestore.Store
	batch   statestore.Batch

	inputs []engine.Input
	next   int64 // offset of the next command
	at     int64 // when the last one was recorded
	events int64 // written so far: the next one's offset, as nobody else writes here

	failed atomic.Pointer[error]
}

func (h History) writer(cl *kgo.Client, topics map[string]kafka.TopicInfo, n int32) (*writer, error) {
	w := &writer{context: h.Context, client: cl, store: statestore.NewMemStore()}
	var err error
	w.engine, err = engine.Open(h.config(topics, n), w.store)
	return w, err
}

var errUnexpected = errors.New("the commands leave more than events: the stream is meant to be accepted whole")

// decide decides the commands that wait.
func (w *writer) decide(ctx context.Context) error {
	fx, err := w.engine.Step(w.at, w.inputs)
	if err != nil {
		return err
	}
	if len(fx.Events) != len(w.inputs) || len(fx.Refusals)+len(fx.DeadLetters)+len(fx.Dispatch) > 0 {
		return errUnexpected
	}
	w.inputs = w.inputs[:0]
	return w.carryOut(ctx, fx)
}

// checkpoint makes a complete one.
func (w *writer) checkpoint(ctx context.Context) error {
	for {
		fx, last, err := w.engine.Checkpoint(checkpointPart)
		if err != nil {
			return fmt.Errorf("a checkpoint: %w", err)
		}
		if fx != nil {
			if err := w.carryOut(ctx, fx); err != nil {
				return err
			}
		}
		if last {
			return nil
		}
	}
}

func (w *writer) carryOut(ctx context.Context, fx *engine.Effects) error {
	w.produce(ctx, kafka.EventsSuffix, fx.Events)
	w.produce(ctx, kafka.SnapshotsSuffix, fx.Snapshots)
	w.events += int64(len(fx.Events))
	w.engine.Commit(fx, w.events, 0)
	writes, deletes, err := w.engine.Flush()
	if err != nil {
		return fmt.Errorf("flushing the engine: %w", err)
	}
	w.batch.Reset()
	for _, list := range [][]engine.Write{fx.Writes, writes} {
		for _, x := range list {
			w.batch.Set(x.Key, x.Value)
		}
	}
	for _, list := range [][][]byte{fx.Deletes, deletes} {
		for _, key := range list {
			w.batch.Delete(key)
		}
	}
	return w.store.Apply(&w.batch)
}

// produce sends copies of records: the engine may use the memory of these again before they are sent.
func (w *writer) produce(ctx context.Context, suffix string, records []engine.Record) {
	size := 0
	for _, r := range records {
		size += len(r.Key) + len(r.Value)
	}
	slab := make([]byte, 0, size) // never grown, so that what points into it stays good
	copied := func(b []byte) []byte {
		start := len(slab)
		slab = append(slab, b...)
		return slab[start:len(slab):len(slab)]
	}
	for _, r := range records {
		w.client.Produce(ctx, &kgo.Record{
			Topic: w.context + suffix, Partition: r.Partition, Key: copied(r.Key), Value: copied(r.Value), Timestamp: time.UnixMilli(w.at),
		}, func(_ *kgo.Record, err error) {
			if err != nil {
				w.failed.CompareAndSwap(nil, &err)
			}
		})
	}
}
