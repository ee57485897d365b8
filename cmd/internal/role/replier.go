package role

import (
	"log/slog"

	"recount/internal/engine"
	"recount/internal/kafka"
	"recount/internal/serde"
)

// publisher publishes without waiting. *kafka.Producer is one.
type publisher interface {
	TryProduce(c kafka.Command, done func(partition int32, offset int64, err error)) error
}

// replier sends answers to the callers who wait for them. It never waits itself: the worker behind it has a partition to
// serve, and whoever misses an answer finds it by asking for the command.
type replier struct {
	codec   *serde.Codec
	out     publisher
	observe func(sent bool)
	log     *slog.Logger
}

// Reply sends the answer a, if anybody waits for it.
func (r *replier) Reply(a *engine.Answer, position string, events [][]byte) {
	if a.Meta.ReplyTo == "" {
		return
	}
	value, err := r.codec.AppendReply(nil, &serde.Reply{
		CommandID: a.Meta.CommandID, AggregateID: a.Meta.AggregateID, Command: a.Command,
		Outcome: a.Outcome, Code: a.Code, Detail: a.Detail, Version: a.Version, Duplicate: a.Duplicate,
		Position: position, Events: events,
	})
	if err == nil {
		err = r.out.TryProduce(kafka.Command{Topic: kafka.RepliesTopic, Key: []byte(a.Meta.ReplyTo), Value: value}, func(_ int32, _ int64, err error) {
			r.sent(err)
		})
	}
	if err != nil {
		r.sent(err)
	}
}

func (r *replier) sent(err error) {
	r.observe(err == nil)
	if err != nil {
		r.log.Debug("a reply was not sent; its caller finds the outcome by asking for the command", "cause", err)
	}
}
