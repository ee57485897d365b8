package main

import (
	"context"
	"maps"
	"slices"
	"time"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
	"recount/internal/clickhouse"
	"recount/internal/es"
	"recount/internal/kafka"
)

// stampMargin: records are stamped by their producers, and stamps may run backwards a little.
const stampMargin = time.Minute

// startOf reads --from: one moment, or positions. A partition that no position is given of is not filled anew.
func startOf(ctx context.Context, f *role.Foundation, views, from []string) (clickhouse.Vector, error) {
	if len(from) == 0 {
		return nil, nil
	}
	topics, err := topicsOf(f, views)
	if err != nil {
		return nil, err
	}
	var at time.Time
	out := clickhouse.Vector{}
	if len(from) == 1 {
		if at, err = time.Parse(time.RFC3339, from[0]); err == nil {
			return startAt(ctx, f, topics, at.Add(-stampMargin))
		}
	}
	// Where no position is given, everything there is now is copied.
	extents, err := kafka.Extents(ctx, f.Kafka, slices.Collect(maps.Values(topics))...)
	if err != nil {
		return nil, err
	}
	given := map[string]map[int32]int64{}
	for _, text := range from {
		p, err := es.ParsePosition(text)
		if err != nil {
			return nil, cli.Usagef("--from: %q is neither a moment such as 2026-03-01T00:00:00Z nor a position such as bank/3@1200", text)
		}
		if _, known := extents[topics[p.Context]][p.Partition]; !known {
			return nil, cli.Usagef("--from: %s: there is no such partition", text)
		}
		if given[p.Context] == nil {
			given[p.Context] = map[int32]int64{}
		}
		given[p.Context][p.Partition] = p.Offset
	}
	for context, topic := range topics {
		for p, e := range extents[topic] {
			next := e.Stable
			if o, ok := given[context][p]; ok {
				next = min(o, next)
			}
			out.Raise(context, p, next)
		}
	}
	return out, nil
}

func startAt(ctx context.Context, f *role.Foundation, topics map[string]string, at time.Time) (clickhouse.Vector, error) {
	found, err := kafka.OffsetsSince(ctx, f.Kafka, at.UnixMilli(), slices.Collect(maps.Values(topics))...)
	if err != nil {
		return nil, err
	}
	out := clickhouse.Vector{}
	for context, topic := range topics {
		for p, o := range found[topic] {
			out.Raise(context, p, o)
		}
	}
	return out, nil
}

// topicsOf returns the topic of each context that the views are mapped from, which must be one stream.
func topicsOf(f *role.Foundation, views []string) (map[string]string, error) {
	out := map[string]string{}
	for _, c := range f.Contexts {
		for _, v := range c.Views {
			if !slices.Contains(views, v.Name) {
				continue
			}
			topic := c.Name + "." + string(v.From)
			if other, there := out[c.Name]; there && other != topic {
				return nil, cli.Usagef("--from: the views are mapped from different topics (%s and %s): rebuild them one by one", other, topic)
			}
			out[c.Name] = topic
		}
	}
	return out, nil
}
