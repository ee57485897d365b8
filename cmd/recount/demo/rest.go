package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"recount/cmd/internal/console"
	"recount/cmd/recount/pipeline"
	"recount/internal/kafka"
	"recount/internal/worker/aggregator"
)

// restEvery is how often it is asked whether everything has come to rest.
const restEvery = 20 * time.Millisecond

// inputs are whose work is watched: groups, and the topics that each takes its input from.
type inputs struct {
	group  string
	topics []string
}

// inputsOf are those of every aggregator and every saga of a pipeline.
func inputsOf(p *pipeline.Pipeline) (all []inputs) {
	for _, c := range p.Contexts {
		all = append(all, inputs{aggregator.Group(c.Name), []string{c.Name + kafka.CommandsSuffix, c.Name + kafka.DispatchSuffix}})
		if len(c.Processes) > 0 {
			all = append(all, inputs{aggregator.ProcessGroup(c.Name), []string{c.Name + kafka.InboxSuffix, c.Name + kafka.EventsSuffix}})
		}
	}
	return all
}

// rest waits until nobody has anything left to do: all that was sent, and all that followed from it, is decided. What
// waits for a timer rests.
func (d *day) rest(ctx context.Context) error {
	r, err := kafka.NewLagReader(d.p.Kafka)
	if err != nil {
		return err
	}
	defer r.Close()
	return d.until(ctx, restEvery, "waiting for the shop and the bank to come to rest", func(ctx context.Context) (left, error) {
		found, err := inTime(ctx, func(ctx context.Context) (left, error) { return unrest(ctx, r, inputsOf(d.p)) })
		if err == nil && found.much != unknown {
			d.line.Say("hour %d of the shop's day: %s records to go", d.hour, console.Count(found.much))
		}
		return found, err
	})
}

// unrest is 0 if nobody has anything left to do, else about how much.
//
// Whoever takes a record in commits its place in the same transaction as what it writes. So look at the logs' ends, then
// at what each group has left, then at the ends again. Had a group been working in between, its output came before its
// commit: either the commit is missing, so that a record is left, or the output is there, so that an end has moved. A
// transaction whose output is visible in one partition and not yet in another keeps the other's last stable offset
// below its end.
func unrest(ctx context.Context, r *kafka.LagReader, all []inputs) (found left, err error) {
	var topics, busy []string
	for _, in := range all {
		topics = append(topics, in.topics...)
	}
	before, err := r.Extents(ctx, topics...)
	if err != nil {
		return found, err
	}
	for _, in := range all {
		lags, err := r.Lag(ctx, in.group, in.topics...)
		if err != nil {
			return found, err
		}
		var behind int64
		for _, l := range lags {
			behind += l.Records
		}
		if behind > 0 {
			busy = append(busy, fmt.Sprintf("%s has %s records to read", in.group, console.Count(behind)))
		}
		found.much += behind
	}
	after, err := r.Extents(ctx, topics...)
	if err != nil {
		return found, err
	}
	for _, topic := range topics {
		for n, e := range after[topic] {
			moving := e.End - before[topic][n].End + e.End - e.Stable
			if moving > 0 {
				busy = append(busy, fmt.Sprintf("a transaction is open in %s/%d", topic, n))
			}
			found.much += moving
		}
	}
	found.what = strings.Join(busy, ", ")
	return found, nil
}
