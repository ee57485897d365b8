package workload

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"recount/internal/partition"
)

const (
	bufferedRecordsMax = 200_000
	loadLinger         = 20 * time.Millisecond
	batchBytesMax      = 1 << 20
	// slabBytes is allocated at a time for many records.
	slabBytes = 1 << 20
)

// Load writes the stream into a topic, each command into its account's partition, in the stream's order.
func (w *Workload) Load(ctx context.Context, broker, topic string) error {
	return w.LoadPart(ctx, broker, topic, 0, w.Commands)
}

// LoadPart is Load for the commands from ≤ n < until of the stream.
func (w *Workload) LoadPart(ctx context.Context, broker, topic string, from, until int) (err error) {
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(broker), kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.MaxBufferedRecords(bufferedRecordsMax), kgo.ProducerLinger(loadLinger),
		kgo.ProducerBatchMaxBytes(batchBytesMax), kgo.ProducerBatchCompression(kgo.NoCompression()),
	)
	if err != nil {
		return fmt.Errorf("workload: %w", err)
	}
	defer cl.Close()
	var failed atomic.Pointer[error]
	done := func(_ *kgo.Record, err error) {
		if err != nil {
			failed.CompareAndSwap(nil, &err)
		}
	}
	n := 0
	for r, readErr := range w.Records() {
		if readErr != nil {
			err = readErr
			break
		}
		if failed.Load() != nil || n == until {
			break
		}
		if n >= from {
			cl.Produce(ctx, r, done)
		}
		n++
	}
	err = errors.Join(err, cl.Flush(ctx))
	if cause := failed.Load(); cause != nil {
		err = errors.Join(err, *cause)
	}
	if err != nil {
		return fmt.Errorf("workload: load %d commands into %s: %w", until-from, topic, err)
	}
	return nil
}

// Records yields the stream's commands as records, in order: the n-th of a partition has offset n there once they are
// loaded into an empty topic. An error is the last it yields.
func (w *Workload) Records() iter.Seq2[*kgo.Record, error] {
	return func(yield func(*kgo.Record, error) bool) {
		file, err := os.Open(w.path)
		if err != nil {
			yield(nil, fmt.Errorf("workload: %w", err))
			return
		}
		defer file.Close() //nolint:errcheck // it was only read
		w.records(file)(yield)
	}
}

// records yields the file's commands as records. An error is the last it yields.
func (w *Workload) records(file io.Reader) iter.Seq2[*kgo.Record, error] {
	return func(yield func(*kgo.Record, error) bool) {
		in := frameReader{from: bufio.NewReaderSize(file, fileBufferBytes)}
		for n := range w.Commands {
			number, frame, err := in.next()
			if err != nil {
				yield(nil, fmt.Errorf("command %d: %w", n, err))
				return
			}
			id := AccountID(number)
			if !yield(&kgo.Record{Key: []byte(id), Value: frame, Partition: partition.Of(id, w.Partitions)}, nil) {
				return
			}
		}
	}
}

// frameReader reads frames into slabs: a record keeps its frame until it is sent.
type frameReader struct {
	from io.Reader
	slab []byte
}

func (r *frameReader) next() (account int, frame []byte, err error) {
	var header [recordHeaderBytes]byte
	if _, err := io.ReadFull(r.from, header[:]); err != nil {
		return 0, nil, err
	}
	size := int(binary.LittleEndian.Uint32(header[4:]))
	if len(r.slab) < size {
		r.slab = make([]byte, max(size, slabBytes))
	}
	frame, r.slab = r.slab[:size:size], r.slab[size:]
	_, err = io.ReadFull(r.from, frame)
	return int(binary.LittleEndian.Uint32(header[:])), frame, err
}
