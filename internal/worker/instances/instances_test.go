package instances_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"recount/domain/bank/transfer"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/es/saga"
	"recount/internal/kafka"
	"recount/internal/partition"
	"recount/internal/serde"
	"recount/internal/serde/serdetest"
	"recount/internal/worker/instances"
)

const partitions = 2

// newBroker returns a broker with the bank's topics.
func newBroker(t *testing.T) kafka.Config {
	t.Helper()
	broker := embeddedtest.Kafka(t)
	cfg := kafka.Config{Brokers: []string{broker.Addr()}}
	if err := kafka.EnsureTopics(t.Context(), cfg, []string{"bank"}, partitions, kafka.Replication{Factor: 1}); err != nil {
		t.Fatal(err)
	}
	return cfg
}

// untaught reads nothing before it was taught, as a tool meets what a newer worker writes.
type untaught struct {
	*serde.ProcessCodec
	taught atomic.Bool
}

func (u *untaught) DecodeEvent(value []byte) (engine.Event, error) {
	if !u.taught.Load() {
		return engine.Event{}, engine.ErrUnknownSchema
	}
	return u.ProcessCodec.DecodeEvent(value)
}

func (u *untaught) DecodeRefusal(value []byte) (es.Meta, es.Rejection, string, error) {
	if !u.taught.Load() {
		return es.Meta{}, es.Rejection{}, "", engine.ErrUnknownSchema
	}
	return u.ProcessCodec.DecodeRefusal(value)
}

// TestTheAnswerToAnOrderMayBeInANewerSchema has a worker answer orders, once with an event and once with a refusal, by
// schemas that this program has to ask for.
func TestTheAnswerToAnOrderMayBeInANewerSchema(t *testing.T) {
	t.Parallel()
	cfg := newBroker(t)
	own := serdetest.Codec(t).Processes("bank")
	for suffix, write := range map[string]func(*es.Meta) ([]byte, error){
		kafka.ProcessesSuffix: func(m *es.Meta) ([]byte, error) {
			frame, _, _, err := own.AppendEvent(nil, transfer.Saga(), m, saga.Retried{Actor: "ada"})
			return frame, err
		},
		kafka.ProcessRefusalsSuffix: func(m *es.Meta) ([]byte, error) {
			return own.AppendRefusal(nil, m, &es.Rejection{Command: "bank.money_transfer.order", Outcome: es.Refused, Code: string(es.NothingToRetry)})
		},
	} {
		t.Run(suffix, func(t *testing.T) {
			codec := &untaught{ProcessCodec: own}
			log := instances.Log{
				Kafka: cfg, Codec: codec, Context: "bank", Partitions: partitions,
				Learn: func(context.Context, []byte) error { codec.taught.Store(true); return nil },
			}
			id, orderID := "t"+suffix, "order"+suffix
			answered := make(chan error, 1)
			go func() { answered <- answer(t.Context(), cfg, "bank"+suffix, id, orderID, write) }()
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			got, err := log.Order(ctx, "bank/money_transfer/"+id, es.CommandMeta{CommandID: orderID, AggregateID: id}, es.OrderRetry, "")
			if err := errors.Join(err, <-answered); err != nil {
				t.Fatal(err)
			}
			if (got.Version == 7) == (got.Refused != "") {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// answer waits for an order and writes what became of it, as a worker does.
func answer(ctx context.Context, cfg kafka.Config, topic, id, orderID string, write func(*es.Meta) ([]byte, error)) error {
	n := partition.Of(id, partitions)
	for inbox := "bank" + kafka.InboxSuffix; ; {
		found, err := kafka.Extents(ctx, cfg, inbox)
		if err != nil {
			return err
		}
		ordered := false
		span := kafka.Span{Topic: inbox, Partition: n, Until: found[inbox][n].Stable}
		err = kafka.Replay(ctx, cfg, []kafka.Span{span}, func(_ kafka.Span, records []*kafka.Record, _ int64) error {
			for _, r := range records {
				ordered = ordered || string(r.Key) == "bank/money_transfer/"+id
			}
			return nil
		})
		if err != nil {
			return err
		}
		if ordered {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	frame, err := write(&es.Meta{AggregateID: id, Version: 7, CommandID: orderID})
	if err != nil {
		return err
	}
	out, err := kafka.NewAppender(cfg)
	if err != nil {
		return err
	}
	defer out.Close()
	return out.Append(ctx, []*kafka.Record{{Topic: topic, Partition: n, Key: []byte(id), Value: frame}})
}
