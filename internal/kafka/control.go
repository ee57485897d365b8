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
	return writeOrders(ctx, cfg, Order.encode, orders)
}

// WithdrawOrders ends orders. One that does not stand is no error.
func WithdrawOrders(ctx context.Context, cfg Config, orders ...Order) error {
	return writeOrders(ctx, cfg, func(Order) ([]byte, error) { return nil, nil }, orders)
}

func writeOrders(ctx context.Context, cfg Config, value func(Order) ([]byte, error), orders []Order) error {
	cl, err := kgo.NewClient(append(cfg.options(), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	defer cl.Close()
	var records []*kgo.Record
	for _, o := range orders {
		v, err := value(o)
		if err != nil {
			return fmt.Errorf("kafka: writing the order %v: %w", o, err)
		}
		records = append(records, &kgo.Record{Topic: ControlTopic, Partition: 0, Key: []byte(o.key()), Value: v})
	}
	if err := cl.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return fmt.Errorf("kafka: writing to %s: %w", ControlTopic, err)
	}
	return nil
}

// ReadOrders returns a context's orders in force at now, as they stand in the control topic.
func ReadOrders(ctx context.Context, cfg Config, name string, now time.Time) (Orders, error) {
	b, _, err := readBook(ctx, cfg, name)
	if err != nil {
		return Orders{}, err
	}
	orders, _ := b.inForce(now)
	return orders, nil
}

// readBook reads the control topic to its end, and returns the offset after it.
func readBook(ctx context.Context, cfg Config, name string) (*book, int64, error) {
	found, err := Extents(ctx, cfg, ControlTopic)
	if err != nil {
		return nil, 0, err
	}
	at, ok := found[ControlTopic][0]
	if !ok {
		return nil, 0, fmt.Errorf("kafka: topic %s does not exist (--create-topics makes what is missing)", ControlTopic)
	}
	b := newBook(name)
	span := Span{Topic: ControlTopic, From: at.Start, Until: at.Stable}
	err = Replay(ctx, cfg, []Span{span}, func(_ Span, records []*Record, _ int64) error {
		for _, r := range records {
			b.enter(r.Key, r.Value, r.Offset)
		}
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("reading the orders: %w", err)
	}
	return b, at.Stable, nil
}

// FollowOrders hands a context's orders in force to deliver: first those that stand in the control topic, and then
// whenever one is given, withdrawn or ends by itself. It returns when ctx ends, or with an error that reading again may
// mend.
func FollowOrders(ctx context.Context, cfg Config, name string, now func() time.Time, deliver func(Orders)) error {
	b, from, err := readBook(ctx, cfg, name)
	if err != nil {
		return err
	}
	cl, err := kgo.NewClient(append(cfg.options(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{ControlTopic: {0: kgo.NewOffset().At(from)}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchMaxWait(fetchWaitMax),
	)...)
	if err != nil {
		return fmt.Errorf("kafka: following the orders: %w", err)
	}
	defer cl.Close()
	for {
		orders, next := b.inForce(now())
		deliver(orders)
		for changed := false; !changed; {
			if changed, err = b.await(ctx, cl, next.Sub(now()), next); err != nil {
				return fmt.Errorf("kafka: following the orders: %w", err)
			}
			if ctx.Err() != nil {
				return nil
			}
		}
	}
}

// await reads on until an order changes or, if next is set, until it is next, which lies left ahead.
func (b *book) await(ctx context.Context, cl *kgo.Client, left time.Duration, next time.Time) (changed bool, err error) {
	patience := controlIdleMax
	if !next.IsZero() {
		if left <= 0 {
			return true, nil
		}
		patience = min(patience, left)
	}
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
