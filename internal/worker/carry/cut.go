package carry

import (
	"context"
	"fmt"
	"maps"

	"recount/internal/archive"
	"recount/internal/kafka"
	"recount/internal/worker/aggregator"
	"recount/internal/worker/verify"
)

// cut looks how everything stands, and returns what the archive lacks of it. The order makes what it says hold:
//
//  1. where processes stand, before the ends of what they write: what they have taken in below that place is in their
//     histories. The other way round, an event between the two would be taken in by nobody;
//  2. the ends of all events;
//  3. what waits: in dispatch first, then in the inbox. Nothing comes into dispatch but by histories, and nothing that
//     processes wait for but from there; so if nothing waited, and
//  4. the ends of all events are still the same, then nothing was under way. A command that came after 3 is later than the cut.
func (e *export) cut(ctx context.Context) (*archive.Cut, []verify.Part, error) {
	out := &archive.Cut{At: now(), Sagas: []archive.SagaPosition{}, Waiting: []archive.Waiting{}}
	for _, c := range e.Contexts {
		if len(c.Processes) == 0 {
			continue
		}
		events := c.Name + kafka.EventsSuffix
		places, err := kafka.GroupPlaces(ctx, e.Kafka, aggregator.ProcessGroup(c.Name), events)
		if err != nil {
			return nil, nil, err
		}
		for p := range e.Partitions {
			if next, ok := places[events][p]; ok {
				out.Sagas = append(out.Sagas, archive.SagaPosition{Context: c.Name, Partition: p, Next: next})
			}
		}
	}
	source := verify.Kafka{Config: e.Kafka, Partitions: e.Partitions}
	before, err := source.Parts(ctx, e.streams)
	if err != nil {
		return nil, nil, err
	}
	if err := e.waiting(ctx, out); err != nil {
		return nil, nil, err
	}
	after, err := source.Parts(ctx, e.streams)
	if err != nil {
		return nil, nil, err
	}
	out.Moving = !maps.Equal(ends(before), ends(after))
	parts, err := e.lacking(before)
	return out, parts, err
}

// lacking are the parts that the archive does not have yet.
func (e *export) lacking(parts []verify.Part) (out []verify.Part, err error) {
	for _, p := range parts {
		next := e.manifest.Next(p.Topic(), p.Partition)
		if p.Until < next {
			return nil, fmt.Errorf("%s/%d ends at offset %d, and the archive has events up to %d: the log was cut. Verify the archive, and import it into an empty cluster", p.Topic(), p.Partition, p.Until, next)
		}
		if p.From = next; p.From < p.Until {
			out = append(out, p)
		}
	}
	return out, nil
}

// waiting notes what was not decided, and what processes have not taken in of their inbox. Events that wait for processes
// are no loss: they are in the archive, and so is the place from which they are taken in.
func (e *export) waiting(ctx context.Context, out *archive.Cut) error {
	lags, err := kafka.NewLagReader(e.Kafka)
	if err != nil {
		return err
	}
	defer lags.Close()
	for _, c := range e.Contexts {
		for _, suffix := range []string{kafka.DispatchSuffix, kafka.CommandsSuffix} {
			if err := countWaiting(ctx, lags, aggregator.Group(c.Name), c.Name+suffix, out); err != nil {
				return err
			}
		}
	}
	for _, c := range e.Contexts { // behind all of dispatch: one context's processes send to another's
		if err := countWaiting(ctx, lags, aggregator.ProcessGroup(c.Name), c.Name+kafka.InboxSuffix, out); err != nil {
			return err
		}
	}
	return nil
}

func countWaiting(ctx context.Context, lags *kafka.LagReader, group, topic string, out *archive.Cut) error {
	found, err := lags.Lag(ctx, group, topic)
	if err != nil {
		return err
	}
	sum := int64(0)
	for _, l := range found {
		sum += l.Records
	}
	if sum > 0 {
		out.Waiting = append(out.Waiting, archive.Waiting{Topic: topic, Records: sum})
	}
	return nil
}

// ends are where parts end.
func ends(parts []verify.Part) map[verify.Part]bool {
	out := map[verify.Part]bool{}
	for _, p := range parts {
		out[p] = true
	}
	return out
}
