package verify

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"recount/internal/proof"
	"recount/internal/serde"
)

// Request says what is to be verified.
type Request struct {
	Source     Source
	Streams    []Stream
	Codec      *serde.Codec
	Partitions int32
	// Anchor is what was noted earlier; nil: nothing. Of its topics, those in Streams are compared.
	Anchor *Anchor
	// Parallel is how many partitions are walked beside each other; 0: one a core. Each needs memory for its aggregates'
	// names and heads, some 300 bytes for each.
	Parallel int
	// Progress is told now and then how far it is; nil: nobody is. It is called by one goroutine at a time.
	Progress func(Progress)
	Without  proof.Guard
}

// Progress is how far verifying is.
type Progress struct {
	Parts, Done     int   // partitions
	Planned, Passed int64 // offsets
	Events          int64
}

// Report is what verifying found.
type Report struct {
	Topics []Topic
	// Events and Aggregates of all topics; Broken is how many aggregates have a break.
	Events, Aggregates, Broken int64
	// Breaks are the first of each aggregate, ten thousand a partition at most, in the order of topics and offsets.
	Breaks []proof.Break
	// Heads are the newest events, as an anchor keeps them.
	Heads Anchor
}

// Topic is what was found in one topic.
type Topic struct {
	Name       string `json:"name"`
	Partitions int    `json:"partitions"`
	Events     int64  `json:"events"`
	Aggregates int64  `json:"aggregates"`
	Broken     int64  `json:"broken"`
}

// Run walks all partitions. Whatever it finds is in the report; an error says that the walk itself failed.
func Run(ctx context.Context, r Request) (*Report, error) {
	parts, err := r.Source.Parts(ctx, r.Streams)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	v := &verifier{Request: r, anchored: r.Anchor.byTopic(), at: Progress{Parts: len(parts)}}
	for _, p := range parts {
		v.at.Planned += p.Until - p.From
	}
	results := make([]proof.Result, len(parts))
	g, ctx := errgroup.WithContext(ctx)
	if r.Parallel <= 0 {
		r.Parallel = runtime.GOMAXPROCS(0)
	}
	g.SetLimit(r.Parallel)
	for i, p := range parts {
		g.Go(func() (err error) {
			if results[i], err = v.walk(ctx, p); err != nil {
				return fmt.Errorf("verify: %s/%d: %w", p.Topic(), p.Partition, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return report(r.Streams, parts, results), nil
}

type verifier struct {
	Request
	anchored map[string][]proof.Head // nobody writes to them

	mu sync.Mutex
	at Progress
}

func (v *verifier) walk(ctx context.Context, p Part) (proof.Result, error) {
	w := proof.New(proof.Config{
		Topic: p.Topic(), Partition: p.Partition, Partitions: v.Partitions,
		Open: proof.Open(v.Codec.Opener(p.Context, p.Name)), Anchored: v.anchored[p.Topic()], Without: v.Without,
	})
	passed := p.From
	err := v.Source.Read(ctx, p, func(records []proof.Record, next int64) error {
		for _, r := range records {
			if id, unknown := v.Codec.Unknown(r.Value); unknown { // a newer program may have written it
				if err := v.Codec.Learn(ctx, id); err != nil {
					return err
				}
			}
			w.Take(r)
		}
		v.progress(0, next-passed, int64(len(records)))
		passed = next
		return nil
	})
	v.progress(1, 0, 0)
	return w.End(p.Until), err
}

func (v *verifier) progress(parts int, passed, events int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.at.Done += parts
	v.at.Passed += passed
	v.at.Events += events
	if v.Progress != nil {
		v.Progress(v.at)
	}
}

func report(streams []Stream, parts []Part, results []proof.Result) *Report {
	out := &Report{}
	for _, s := range streams {
		t := Topic{Name: s.Topic()}
		for i, p := range parts {
			if p.Stream != s {
				continue
			}
			r := results[i]
			t.Partitions++
			t.Events += r.Events
			t.Aggregates += r.Aggregates
			t.Broken += r.Broken
			out.Breaks = append(out.Breaks, r.Breaks...)
			out.Heads.add(p, r)
		}
		out.Topics = append(out.Topics, t)
		out.Events += t.Events
		out.Aggregates += t.Aggregates
		out.Broken += t.Broken
	}
	out.Heads.seal()
	return out
}
