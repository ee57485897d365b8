package carry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"recount/internal/archive"
	"recount/internal/kafka"
	"recount/internal/serde/container"
	"recount/internal/worker/aggregator"
	"recount/internal/worker/verify"
)

// there returns how many records of the archive each partition has already, from an import that was killed. Anything else
// that the cluster holds is ErrNotEmpty.
func (i *importing) there(ctx context.Context) (map[verify.Stream]map[int32]int64, error) {
	topics, err := i.topics(ctx)
	if err != nil {
		return nil, err
	}
	extents, err := kafka.Extents(ctx, i.Kafka, topics...)
	if err != nil {
		return nil, err
	}
	faults := []error{i.unused(ctx)}
	out := map[verify.Stream]map[int32]int64{}
	for _, s := range i.streams {
		out[s] = map[int32]int64{}
	}
	for _, topic := range topics {
		at := slices.IndexFunc(i.streams, func(s verify.Stream) bool { return s.Topic() == topic })
		for p := range i.Partitions {
			found := extents[topic][p]
			if found.End == 0 {
				continue
			}
			if at < 0 {
				faults = append(faults, fmt.Errorf("%w: %s/%d has records", ErrNotEmpty, topic, p))
				continue
			}
			faults = append(faults, i.begun(ctx, i.streams[at], p, found))
			out[i.streams[at]][p] = found.End
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("%w\nImport into a cluster, or topics, that nothing was written to", err)
	}
	return out, nil
}

// topics are all of the contexts', each with the right number of partitions.
func (i *importing) topics(ctx context.Context) (out []string, err error) {
	for _, c := range i.Contexts {
		out = append(out, kafka.ContextTopics(c.Name)...)
	}
	info, err := kafka.DescribeTopics(ctx, i.Kafka, out...)
	for name, t := range info {
		if t.Partitions != i.Partitions {
			err = errors.Join(err, fmt.Errorf("topic %s has %d partitions, the archive %d", name, t.Partitions, i.Partitions))
		}
	}
	return out, err
}

// unused finds out whether anybody decides already.
func (i *importing) unused(ctx context.Context) error {
	for _, c := range i.Contexts {
		for group, inputs := range inputsOf(c.Name) {
			members, err := kafka.GroupMembers(ctx, i.Kafka, group)
			if err != nil {
				return err
			}
			if members > 0 {
				return fmt.Errorf("%w: %d members of group %s are at work: stop them, and start them once the import has ended", ErrNotEmpty, members, group)
			}
			places, err := kafka.GroupPlaces(ctx, i.Kafka, group, inputs...)
			if err != nil {
				return err
			}
			for topic, partitions := range places {
				for p, next := range partitions {
					if next > 0 {
						return fmt.Errorf("%w: group %s has read %s/%d up to offset %d", ErrNotEmpty, group, topic, p, next)
					}
				}
			}
		}
	}
	return nil
}

// inputsOf are the topics that a context's groups read and nobody but them, by group. Processes read its events besides.
func inputsOf(context string) map[string][]string {
	return map[string][]string{
		aggregator.Group(context):        {context + kafka.CommandsSuffix, context + kafka.DispatchSuffix},
		aggregator.ProcessGroup(context): {context + kafka.InboxSuffix},
	}
}

// begun demands that what a partition has is a beginning of what the archive has of it. An import leaves no gap and no
// marker, so that offsets count records, and the last one stands for all in front of it: its chain, and the keys of no
// two events being alike, see to that.
func (i *importing) begun(ctx context.Context, s verify.Stream, p int32, found kafka.Extent) error {
	if i.Without&GuardResume != 0 {
		return nil
	}
	foreign := fmt.Errorf("%w: %s/%d has records that are not the archive's", ErrNotEmpty, s.Topic(), p)
	n := found.End
	want, err := i.nth(s, p, n-1)
	if err != nil {
		return err
	}
	if want == nil || found.Start > 0 || found.Stable != n {
		return foreign
	}
	kept, err := i.kept(want, s.Topic(), p)
	if err != nil {
		return err
	}
	same := false
	span := kafka.Span{Topic: s.Topic(), Partition: p, From: n - 1, Until: n}
	err = kafka.Replay(ctx, i.Kafka, []kafka.Span{span}, func(_ kafka.Span, records []*kafka.Record, _ int64) error {
		for _, r := range records {
			same = bytes.Equal(r.Key, kept.Key) && bytes.Equal(r.Value, kept.Value)
		}
		return nil
	})
	if err == nil && !same {
		err = foreign
	}
	return err
}

// nth returns a partition's record number n, from 0; nil where the archive has fewer.
func (i *importing) nth(s verify.Stream, p int32, n int64) (found *container.Record, err error) {
	for _, f := range i.manifest.Of(s.Topic(), p) {
		if n >= f.Records {
			n -= f.Records
			continue
		}
		return nthOf(i.Dir, f, n)
	}
	return nil, nil
}

var errFound = errors.New("found")

func nthOf(dir string, f archive.File, n int64) (found *container.Record, err error) {
	err = f.Read(dir, func(r *container.Record) error {
		if n > 0 {
			n--
			return nil
		}
		found = r
		return errFound
	})
	if errors.Is(err, errFound) {
		err = nil
	}
	return found, err
}
