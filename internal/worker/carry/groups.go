package carry

import (
	"context"
	"fmt"

	"recount/internal/kafka"
	"recount/internal/worker/aggregator"
	"recount/internal/worker/verify"
)

// sagaNext is the next event of a partition, by the archive's offsets, that processes would have taken in; -1: the stream
// is none of theirs, or they had not begun.
func (i *importing) sagaNext(s verify.Stream, p int32) int64 {
	if s.Name != verify.Events {
		return -1
	}
	for _, at := range i.manifest.Cut.Sagas {
		if at.Context == s.Context && at.Partition == p {
			return at.Next
		}
	}
	return -1
}

// tellGroups has those who decide begin at the start of their inputs, and processes go on with the events that they have
// not taken in. It is the last that an import does: an aggregator that finds events, and no place in its inputs, refuses to
// start.
func (i *importing) tellGroups(ctx context.Context) error {
	if err := i.complete(ctx); err != nil {
		return err
	}
	for _, c := range i.Contexts {
		for group, topics := range inputsOf(c.Name) {
			places, err := i.starts(ctx, topics)
			if err != nil {
				return err
			}
			if group == aggregator.ProcessGroup(c.Name) {
				for at, next := range i.sagas {
					if at.context == c.Name {
						places.Set(c.Name+kafka.EventsSuffix, at.partition, next)
					}
				}
			}
			if err := i.tellGroup(ctx, group, places); err != nil {
				return err
			}
		}
	}
	return nil
}

// tellGroup leaves alone what a group was told before, or has gone beyond: this import may have ended already.
func (i *importing) tellGroup(ctx context.Context, group string, places kafka.Places) error {
	var topics []string
	for topic := range places {
		topics = append(topics, topic)
	}
	there, err := kafka.GroupPlaces(ctx, i.Kafka, group, topics...)
	if err != nil {
		return err
	}
	for topic, partitions := range there {
		for p, next := range partitions {
			if next >= places[topic][p] {
				delete(places[topic], p)
			}
		}
	}
	return kafka.SetGroupPlaces(ctx, i.Kafka, group, places)
}

// starts are the places at which topics begin.
func (i *importing) starts(ctx context.Context, topics []string) (kafka.Places, error) {
	extents, err := kafka.Extents(ctx, i.Kafka, topics...)
	if err != nil {
		return nil, err
	}
	out := kafka.Places{}
	for topic, partitions := range extents {
		for p, at := range partitions {
			out.Set(topic, p, at.Start)
		}
	}
	return out, nil
}

// complete demands that the log has as many records as the archive: nobody else has written meanwhile.
func (i *importing) complete(ctx context.Context) error {
	for _, s := range i.streams {
		extents, err := kafka.Extents(ctx, i.Kafka, s.Topic())
		if err != nil {
			return err
		}
		for p, at := range extents[s.Topic()] {
			want := int64(0)
			for _, f := range i.manifest.Of(s.Topic(), p) {
				want += f.Records
			}
			if at.End != want {
				return fmt.Errorf("%s/%d has %d records and should have %d: somebody else wrote to it. Delete the topics, and import again", s.Topic(), p, at.End, want)
			}
		}
	}
	return nil
}
