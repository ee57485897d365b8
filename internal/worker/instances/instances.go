// Package instances reads the processes of a context straight from their log, and gives them orders: what operators see
// and do.
//
// It is no member of a group and keeps no state. An order is a record in the inbox, taken in like any other input.
package instances

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/partition"
)

// Codec reads and writes the records of a context's processes.
type Codec interface {
	engine.Codec
	AppendOrder(dst []byte, meta *es.CommandMeta, o es.Order, reason string) ([]byte, error)
}

// Log is where a context's processes are.
type Log struct {
	Kafka      kafka.Config
	Codec      Codec
	Context    string
	Partitions int32
	// Learn is asked about frames whose schema may not be known yet; nil: none.
	Learn func(ctx context.Context, frame []byte) error
	// Progress is told how many records have been read, of how many; nil: nobody is.
	Progress func(read, total int64)
}

// Instance is one process as its history has left it.
type Instance struct {
	Saga    string `json:"saga"`
	ID      string `json:"id"`
	Version int64  `json:"version"`
	// StartedAt and ChangedAt are recorded times, Unix milliseconds.
	StartedAt int64  `json:"started_at"`
	ChangedAt int64  `json:"changed_at"`
	Phase     string `json:"phase"`
	Step      string `json:"step"`
	Code      string `json:"code"`
	Detail    string `json:"detail"`
	Stuck     bool   `json:"stuck"`
	Ended     bool   `json:"ended"`
	// Correlation is that of what started it.
	Correlation string `json:"correlation_id"`
}

// key names one instance.
type key struct{ saga, id string }

// folding is an instance on its way through its history.
type folding struct {
	Instance
	process es.Process
	state   any
}

// All folds every instance, those that were changed last at the end. It holds all of them in memory.
func (l Log) All(ctx context.Context) ([]Instance, error) {
	topic := l.Context + kafka.ProcessesSuffix
	found, err := kafka.Extents(ctx, l.Kafka, topic)
	if err != nil {
		return nil, err
	}
	var spans []kafka.Span
	var read, total int64
	for n, e := range found[topic] {
		spans = append(spans, kafka.Span{Topic: topic, Partition: n, From: e.Start, Until: e.Stable})
		total += e.Stable - e.Start
	}
	all := map[key]*folding{}
	err = kafka.Replay(ctx, l.Kafka, spans, func(_ kafka.Span, records []*kafka.Record, _ int64) error {
		for _, r := range records {
			if err := l.fold(ctx, all, r); err != nil {
				return fmt.Errorf("%s/%d@%d: %w", topic, r.Partition, r.Offset, err)
			}
		}
		if read += int64(len(records)); l.Progress != nil {
			l.Progress(read, total)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make([]Instance, 0, len(all))
	for _, f := range all {
		f.standing()
		out = append(out, f.Instance)
	}
	slices.SortFunc(out, func(a, b Instance) int {
		return cmp.Or(cmp.Compare(a.ChangedAt, b.ChangedAt), cmp.Compare(a.Saga, b.Saga), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// learn asks for the schema of a frame, if it may not be known yet: newer workers than this program may be at work.
func (l Log) learn(ctx context.Context, frame []byte) error {
	if l.Learn == nil {
		return nil
	}
	return l.Learn(ctx, frame)
}

func (l Log) fold(ctx context.Context, all map[key]*folding, r *kafka.Record) error {
	if err := l.learn(ctx, r.Value); err != nil {
		return err
	}
	e, err := l.Codec.DecodeEvent(r.Value)
	if err != nil {
		return err
	}
	process, ok := e.Aggregate.(es.Process)
	if !ok {
		return fmt.Errorf("an event of %s, which is no saga", e.Aggregate.Name())
	}
	k := key{process.Name(), e.Meta.AggregateID}
	f := all[k]
	if f == nil {
		f = &folding{process: process, state: process.Zero(), Instance: Instance{
			Saga: k.saga, ID: k.id, StartedAt: e.Meta.RecordedAt, Correlation: e.Meta.CorrelationID,
		}}
		all[k] = f
	}
	if e.Meta.Version <= f.Version {
		return nil // read again: the log may repeat what it has
	}
	f.state, f.Version, f.ChangedAt = process.Evolve(f.state, e.Body), e.Meta.Version, e.Meta.RecordedAt
	return nil
}

func (f *folding) standing() {
	s := f.process.Standing(f.state)
	f.Phase, f.Step, f.Code, f.Detail, f.Stuck, f.Ended = s.Phase, s.Step, s.Code, s.Detail, s.Stuck, s.Ended
}

// Answer is what became of an order.
type Answer struct {
	// Version is the instance's version after it; 0 where it changed nothing.
	Version int64
	// Refused is why it changed nothing.
	Refused string
}

// ErrNoAnswer says that nobody has taken an order in yet. It stays in the inbox.
var ErrNoAnswer = errors.New("no saga worker has taken the order in yet")

// answerPoll is how often the log is looked at for an answer.
const answerPoll = 50 * time.Millisecond

// Order gives an instance an order and waits until it was taken in, or ctx ends. process is "<ctx>/<saga>/<id>", orderID a
// new ID: the same one twice is one order.
func (l Log) Order(ctx context.Context, process string, meta es.CommandMeta, o es.Order, reason string) (Answer, error) {
	n := partition.Of(meta.AggregateID, l.Partitions)
	topics := []string{l.Context + kafka.ProcessesSuffix, l.Context + kafka.ProcessRefusalsSuffix}
	before, err := kafka.Extents(ctx, l.Kafka, topics...)
	if err != nil {
		return Answer{}, err
	}
	meta.ProcessID = process
	frame, err := l.Codec.AppendOrder(nil, &meta, o, reason)
	if err != nil {
		return Answer{}, err
	}
	if err := l.send(ctx, n, process, frame); err != nil {
		return Answer{}, fmt.Errorf("sending the order: %w", err)
	}
	for {
		now, err := kafka.Extents(ctx, l.Kafka, topics...)
		if err != nil {
			return Answer{}, errors.Join(ErrNoAnswer, err)
		}
		var spans []kafka.Span
		for _, t := range topics {
			spans = append(spans, kafka.Span{Topic: t, Partition: n, From: before[t][n].Stable, Until: now[t][n].Stable})
		}
		if a, found, err := l.answer(ctx, spans, meta.CommandID); found || err != nil {
			return a, err
		}
		select {
		case <-ctx.Done():
			return Answer{}, ErrNoAnswer
		case <-time.After(answerPoll):
		}
	}
}

func (l Log) send(ctx context.Context, n int32, process string, frame []byte) (err error) {
	out, err := kafka.NewProducer(l.Kafka, kafka.ProducerConfig{})
	if err != nil {
		return err
	}
	defer out.Close()
	acknowledged := make(chan error, 1)
	err = out.Produce(ctx, kafka.Command{Topic: l.Context + kafka.InboxSuffix, Partition: n, Key: []byte(process), Value: frame},
		func(_ int32, _ int64, err error) { acknowledged <- err })
	if err != nil {
		return err
	}
	select {
	case err := <-acknowledged:
		return err
	case <-ctx.Done():
		return fmt.Errorf("the broker has not acknowledged it, and may have it all the same: %w", ctx.Err())
	}
}

// answer looks for what an order has led to.
func (l Log) answer(ctx context.Context, spans []kafka.Span, orderID string) (a Answer, found bool, err error) {
	err = kafka.Replay(ctx, l.Kafka, spans, func(s kafka.Span, records []*kafka.Record, _ int64) error {
		for _, r := range records {
			if err := l.learn(ctx, r.Value); err != nil {
				return err
			}
			if s.Topic == l.Context+kafka.ProcessesSuffix {
				e, err := l.Codec.DecodeEvent(r.Value)
				if err != nil {
					return err
				}
				if e.Meta.CommandID == orderID {
					a.Version, found = e.Meta.Version, true
				}
				continue
			}
			meta, no, _, err := l.Codec.DecodeRefusal(r.Value)
			if err != nil {
				return err
			}
			if meta.CommandID == orderID {
				a.Refused, found = cmp.Or(no.Code, string(no.Outcome)), true
			}
		}
		return nil
	})
	return a, found, err
}
