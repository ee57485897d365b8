package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// controlIdleMax is how long a follower of the control topic waits for records before it looks at the clock again.
const controlIdleMax = time.Minute

// GiveOrders writes orders to the control topic. They are in force once it returns: whoever reads it from now on sees
// them, and whoever follows it does within milliseconds.
func GiveOrders(ctx context.Context, cfg Config, orders ...Order) error {
	var entries []controlEntry
	for _, o := range orders {
		v, err := o.encode()
		if err != nil {
			return fmt.Errorf("kafka: writing the order %v: %w", o, err)
		}
		entries = append(entries, controlEntry{o.key(), v})
	}
	return writeControl(ctx, cfg, entries...)
}

// WithdrawOrders ends orders. One that does not stand is no error.
func WithdrawOrders(ctx context.Context, cfg Config, orders ...Order) error {
	var entries []controlEntry
	for _, o := range orders {
		entries = append(entries, controlEntry{key: o.key()})
	}
	return writeControl(ctx, cfg, entries...)
}

// controlEntry is what is to stand in the control topic under a key; a nil value takes away what stands there.
type controlEntry struct {
	key   string
	value []byte
}

func writeControl(ctx context.Context, cfg Config, entries ...controlEntry) error {
	cl, err := kgo.NewClient(append(cfg.options(), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	defer cl.Close()
	var records []*kgo.Record
	for _, e := range entries {
		records = append(records, &kgo.Record{Topic: ControlTopic, Partition: 0, Key: []byte(e.key), Value: e.value})
	}
	if err := cl.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return fmt.Errorf("kafka: writing to %s: %w", ControlTopic, err)
	}
	return nil
}

// controlBook keeps what concerns it of the control topic.
type controlBook interface {
	// enter takes a record over and reports whether it concerned it.
	enter(key, value []byte, offset int64) bool
	// next is when something in it ends by itself; zero: nothing does.
	next(now time.Time) time.Time
}

// ReadOrders returns a context's orders in force at now, as they stand in the control topic.
func ReadOrders(ctx context.Context, cfg Config, name string, now time.Time) (Orders, error) {
	b := newBook(name)
	if _, err := readControl(ctx, cfg, b); err != nil {
		return Orders{}, err
	}
	return b.inForce(now), nil
}

// readControl enters the control topic up to its end, and returns the offset after it.
func readControl(ctx context.Context, cfg Config, b controlBook) (int64, error) {
	found, err := Extents(ctx, cfg, ControlTopic)
	if err != nil {
		return 0, err
	}
	at, ok := found[ControlTopic][0]
	if !ok {
		return 0, fmt.Errorf("kafka: topic %s does not exist (--create-topics makes what is missing)", ControlTopic)
	}
	span := Span{Topic: ControlTopic, From: at.Start, Until: at.Stable}
	err = Replay(ctx, cfg, []Span{span}, func(_ Span, records []*Record, _ int64) error {
		for _, r := range records {
			b.enter(r.Key, r.Value, r.Offset)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("reading %s: %w", ControlTopic, err)
	}
	return at.Stable, nil
}

// FollowOrders hands a context's orders in force to deliver: first those that stand in the control topic, and then
// whenever one is given, withdrawn or ends by itself. It returns when ctx ends, or with an error that reading again may
// mend.
func FollowOrders(ctx context.Context, cfg Config, name string, now func() time.Time, deliver func(Orders)) error {
	b := newBook(name)
	return followControl(ctx, cfg, now, b, func(at time.Time) { deliver(b.inForce(at)) })
}

// followControl enters what stands in the control topic and calls deliver; and again whenever something was entered that
// concerns b, or ended by itself.
func followControl(ctx context.Context, cfg Config, now func() time.Time, b controlBook, deliver func(at time.Time)) error {
	from, err := readControl(ctx, cfg, b)
	if err != nil {
		return err
	}
	cl, err := kgo.NewClient(append(cfg.options(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{ControlTopic: {0: kgo.NewOffset().At(from)}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchMaxWait(fetchWaitMax),
	)...)
	if err != nil {
		return fmt.Errorf("kafka: following %s: %w", ControlTopic, err)
	}
	defer cl.Close()
	for {
		at := now()
		deliver(at)
		next := b.next(at)
		for changed := false; !changed && (next.IsZero() || now().Before(next)); {
			patience := controlIdleMax
			if !next.IsZero() {
				patience = min(patience, next.Sub(now()))
			}
			if changed, err = awaitControl(ctx, cl, b, patience); err != nil {
				return fmt.Errorf("kafka: following %s: %w", ControlTopic, err)
			}
			if ctx.Err() != nil {
				return nil
			}
		}
	}
}

// awaitControl reads on for as long as patience says, and reports whether something was entered that concerns b.
func awaitControl(ctx context.Context, cl *kgo.Client, b controlBook, patience time.Duration) (changed bool, err error) {
	poll, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	fetches := cl.PollFetches(poll)
	var faults []error
	fetches.EachError(func(_ string, _ int32, err error) {
		if !IsTimeout(err) {
			faults = append(faults, err)
		}
	})
	fetches.EachRecord(func(r *kgo.Record) { changed = b.enter(r.Key, r.Value, r.Offset) || changed })
	return changed, errors.Join(faults...)
}
