package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/semaphore"
)

// What a caller of a Producer can act on.
var (
	// ErrOverloaded says that the producer holds as much as it may: try again a little later.
	ErrOverloaded = errors.New("kafka: too much waits for the brokers' acknowledgement")
	// ErrTooLarge says that no broker would take this record.
	ErrTooLarge = errors.New("kafka: the record is too large")
)

// Command is a record to be published to a partition that its sender chose. The partition is never derived from the
// topic's metadata: how many there are is an epoch that readers and writers share, whatever a broker says meanwhile.
type Command struct {
	Topic      string
	Partition  int32
	Key, Value []byte
	Headers    []Header
	// Context is who publishes it, for the spans of ProducerConfig: a context with a sampled span makes another span of the
	// record. Its end does not take the record back. nil: nobody follows the record.
	Context context.Context
}

// ProducerConfig bounds a Producer.
type ProducerConfig struct {
	// BufferedBytesMax bounds what is in memory unacknowledged. Every record counts 1 KiB more than its size, for what
	// the client keeps beside it, so this bounds their number too. Default 64 MiB.
	BufferedBytesMax int64
	// DeliveryTimeout is how long a record may wait for a broker before it fails. A record that was sent, and whose
	// answer is outstanding, goes on waiting: whether it was written can't be known. At least a second; default 10 s.
	DeliveryTimeout time.Duration
	// Linger is how long a record waits for company in its batch: 0 for those whose callers wait, 5 ms for bulk.
	Linger time.Duration
	// Spans, if given, makes spans of the records that somebody follows.
	Spans trace.TracerProvider
}

const (
	bufferedBytesDefault   = 64 << 20
	deliveryTimeoutDefault = 10 * time.Second
	recordOverheadBytes    = 1 << 10
)

// Producer publishes commands: idempotent, acknowledged by all in-sync replicas, in order within each partition, and
// without a transaction. It is safe for concurrent use.
type Producer struct {
	cl     *kgo.Client
	budget *semaphore.Weighted
	limit  int64
}

// NewProducer makes a producer. It doesn't connect yet: an unreachable broker shows in the first record's answer.
func NewProducer(cfg Config, pc ProducerConfig) (*Producer, error) {
	if pc.BufferedBytesMax <= 0 {
		pc.BufferedBytesMax = bufferedBytesDefault
	}
	if pc.DeliveryTimeout <= 0 {
		pc.DeliveryTimeout = deliveryTimeoutDefault
	}
	opts := cfg.options()
	if pc.Spans != nil {
		opts = append(opts, kgo.WithHooks(newPublishSpans(pc.Spans, cfg.ClientID)))
	}
	cl, err := kgo.NewClient(append(opts,
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(pc.Linger),
		kgo.RecordDeliveryTimeout(pc.DeliveryTimeout),
		kgo.ProducerBatchMaxBytes(RecordBytesMax),
		// The budget is the one limit: the client's own must never be met first, because it answers by callback.
		kgo.MaxBufferedRecords(int(pc.BufferedBytesMax/recordOverheadBytes)+1),
	)...)
	if err != nil {
		return nil, fmt.Errorf("kafka: a producer: %w", err)
	}
	return &Producer{cl: cl, budget: semaphore.NewWeighted(pc.BufferedBytesMax), limit: pc.BufferedBytesMax}, nil
}

// Produce publishes c, and waits while the producer is full. It returns ctx's error if there was no room in time, or
// ErrTooLarge; then done is never called. Else done is called once, with the record's place or with what went wrong.
// It must not block: all callbacks run one after the other. The end of ctx later on does not take the record back.
func (p *Producer) Produce(ctx context.Context, c Command, done func(partition int32, offset int64, err error)) error {
	cost, err := p.cost(c)
	if err != nil {
		return err
	}
	if err := p.budget.Acquire(ctx, cost); err != nil {
		return err
	}
	p.send(c, cost, done)
	return nil
}

// TryProduce is Produce for those who can't wait: when the producer is full, it returns ErrOverloaded at once.
func (p *Producer) TryProduce(c Command, done func(partition int32, offset int64, err error)) error {
	cost, err := p.cost(c)
	if err != nil {
		return err
	}
	if !p.budget.TryAcquire(cost) {
		return ErrOverloaded
	}
	p.send(c, cost, done)
	return nil
}

func (p *Producer) cost(c Command) (int64, error) {
	size := len(c.Key) + len(c.Value)
	for _, h := range c.Headers {
		size += len(h.Key) + len(h.Value)
	}
	cost := int64(size) + recordOverheadBytes
	if size > RecordBytesMax || cost > p.limit {
		return 0, fmt.Errorf("%w: %d bytes", ErrTooLarge, size)
	}
	return cost, nil
}

// send gives the client a context that never ends. With the caller's, one caller's leaving would fail the records of all
// others that wait in the same partition: the client drops a partition's whole buffer to keep its order.
func (p *Producer) send(c Command, cost int64, done func(partition int32, offset int64, err error)) {
	r := &kgo.Record{Topic: c.Topic, Partition: c.Partition, Key: c.Key, Value: c.Value, Headers: c.Headers}
	if c.Context != nil {
		r.Context = context.WithoutCancel(c.Context)
	}
	p.cl.Produce(context.Background(), r, func(r *kgo.Record, err error) {
		p.budget.Release(cost)
		done(r.Partition, r.Offset, p.explain(r, err))
	})
}

// explain says what a failed record's sender can do about it.
func (p *Producer) explain(r *kgo.Record, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.MessageTooLarge):
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return fmt.Errorf("kafka: topic %s does not exist: make the topics first (--create-topics): %w", r.Topic, err)
	case errors.Is(err, kgo.ErrRecordTimeout):
		return fmt.Errorf("kafka: no broker took the record in time: is Kafka running, and is --kafka right? (%w)", err)
	}
	return fmt.Errorf("kafka: publishing to %s/%d: %w", r.Topic, r.Partition, err)
}

// Flush waits until everything produced so far is acknowledged or has failed.
func (p *Producer) Flush(ctx context.Context) error {
	if err := p.cl.Flush(ctx); err != nil {
		return fmt.Errorf("kafka: waiting for the brokers' acknowledgements: %w", err)
	}
	return nil
}

// Ping returns nil if a broker answers.
func (p *Producer) Ping(ctx context.Context) error {
	if err := p.cl.Ping(ctx); err != nil {
		return fmt.Errorf("kafka: no broker answers: %w", err)
	}
	return nil
}

// Close ends the producer. What is still buffered fails: Flush first.
func (p *Producer) Close() { p.cl.Close() }
