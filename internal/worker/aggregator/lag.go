package aggregator

import (
	"context"
	"slices"
	"time"

	"recount/internal/kafka"
)

// LagEveryDefault is how often a worker measures how far it is behind.
const LagEveryDefault = 5 * time.Second

// Status is how far a worker is behind in the partitions that the group has given it, taken over or not.
type Status struct {
	Context    string
	Partitions []int32
	// Inputs are the commands that wait, by topic and partition.
	Inputs []kafka.Lag
	// Still is, by topic of the context, for how long the last stable offset of one of the partitions has been standing below
	// the log's end: the longest of them. A takeover and every reader wait for such a transaction.
	Still map[string]time.Duration
}

// Status returns what was measured last.
func (w *Worker) Status() Status {
	if s := w.status.Load(); s != nil {
		return *s
	}
	return Status{Context: w.cfg.Context}
}

// watchLag measures now and then. That it can't at the moment is no fault of the worker's work.
func (w *Worker) watchLag(ctx context.Context) error {
	if w.cfg.LagEvery < 0 {
		return nil
	}
	r, err := kafka.NewLagReader(w.cfg.Kafka)
	if err != nil {
		return err
	}
	defer r.Close()
	var still kafka.Standstill
	for {
		s, err := w.measure(ctx, r, &still)
		if err == nil {
			w.status.Store(&s)
		} else if ctx.Err() == nil {
			w.cfg.Log.Debug("the lag is not known at the moment", "context", w.cfg.Context, "cause", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(w.cfg.LagEvery):
		}
	}
}

func (w *Worker) measure(ctx context.Context, r *kafka.LagReader, still *kafka.Standstill) (Status, error) {
	s := Status{Context: w.cfg.Context, Partitions: w.assigned(), Still: map[string]time.Duration{}}
	lags, err := r.Lag(ctx, w.cfg.group(), w.topics.inputs...)
	if err != nil {
		return s, err
	}
	for _, l := range lags {
		if slices.Contains(s.Partitions, l.Partition) {
			s.Inputs = append(s.Inputs, l)
		}
	}
	topics := kafka.ContextTopics(w.cfg.Context)
	found, err := r.Extents(ctx, topics...)
	if err != nil {
		return s, err
	}
	now := w.cfg.Now()
	for _, topic := range topics {
		s.Still[topic] = 0
		for n, e := range found[topic] {
			if slices.Contains(s.Partitions, n) { // another's standstill is told by that other
				s.Still[topic] = max(s.Still[topic], still.Note(topic, n, e, now))
			}
		}
	}
	return s, nil
}

// assigned are the partitions that the group has given this worker's sessions.
func (w *Worker) assigned() []int32 {
	var out []int32
	for i := range w.sessions {
		if s := w.sessions[i].Load(); s != nil {
			out = append(out, s.Assigned()...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
