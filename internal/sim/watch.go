package sim

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"recount/internal/engine"
	"recount/internal/kafka"
	"recount/internal/serde"
	"recount/internal/statestore"
	"recount/internal/worker/aggregator"
)

// watchedSchemas tells when a batch has been polled: its records are the first to be looked at.
type watchedSchemas struct {
	*serde.Codec
	l *life
}

func (s watchedSchemas) Unknown(frame []byte) (int, bool) {
	if _, err := s.Codec.Context(contextName).DecodeCommand(frame); err == nil { // a fold asks about events
		s.l.reach(polled)
	}
	return s.Codec.Unknown(frame)
}

// watchedReplies collects the answers that callers get.
type watchedReplies struct{ l *life }

func (r watchedReplies) Reply(a *engine.Answer, position string, _ [][]byte) {
	r.l.reach(replying)
	if r.l.dead.Load() {
		return
	}
	r.l.p.w.tell(told{*a, position})
}

// watchedCourse follows a worker from batch to batch.
type watchedCourse struct{ l *life }

func (c watchedCourse) Batch(string, aggregator.Batch) {
	c.l.reach(committed)
}

func (c watchedCourse) Abort(_ string, cause kafka.AbortCause) {
	c.l.p.w.note("%s: a transaction is not known to be committed: %s", c.l.p.name, cause)
	c.l.p.w.count(func(f *figures) { f.aborts++ })
}

func (c watchedCourse) Takeover(_ string, partition int32, took time.Duration, records int) {
	c.l.p.w.note("%s has taken over partition %d in %s, %d records folded", c.l.p.name, partition, took.Round(time.Millisecond), records)
	c.l.p.w.count(func(f *figures) { f.takeovers++ })
	c.l.p.takeovers.Add(1)
	c.l.reach(takenOver)
}

func (c watchedCourse) Flush(_ string, outcome statestore.Outcome) {
	if outcome != statestore.Applied {
		c.l.p.w.note("%s: a write to its store: %s", c.l.p.name, outcome)
	}
}

func (c watchedCourse) Restore(_ string, r aggregator.Restored) {
	c.l.p.w.note("%s has filled partition %d from %s: %d snapshots, %d records", c.l.p.name, r.Partition, r.From, r.Snapshots, r.Records)
	c.l.p.w.count(func(f *figures) { f.restores++ })
}

func (c watchedCourse) Checkpoint(_ string, k aggregator.Checkpoint) {
	c.l.p.w.note("%s has made a checkpoint of partition %d: %d snapshots", c.l.p.name, k.Partition, k.Snapshots)
	c.l.p.w.count(func(f *figures) { f.checkpoints++ })
}

func (c watchedCourse) Evicted(string, int64)        {}
func (c watchedCourse) Standby(string, int32, int64) {}

func (c watchedCourse) Handover(_ string, _ int32, warm bool) {
	if warm {
		c.l.p.w.count(func(f *figures) { f.handovers++ })
	}
}

func (c watchedCourse) Restart(string) { c.l.p.w.count(func(f *figures) { f.restarts++ }) }

// traceHandler puts a worker's log into the trace.
type traceHandler struct{ l *life }

func (h traceHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo
}
func (h traceHandler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h traceHandler) WithGroup(string) slog.Handler      { return h }

func (h traceHandler) Handle(_ context.Context, r slog.Record) error {
	var text strings.Builder
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&text, " %s=%v", a.Key, a.Value)
		return true
	})
	dead := ""
	if h.l.dead.Load() {
		dead = " (dead)"
	}
	h.l.p.w.note("%s%s: %s%s", h.l.p.name, dead, r.Message, text.String())
	return nil
}

// rule disturbs a process's network.
type rule struct {
	key    int16 // of the requests it is about; anyKey: all
	answer bool
	nth    int           // the passage that is lost, counted from now; 0: none is
	every  int           // or each of so many
	delay  time.Duration // of each
	perKB  time.Duration // and more of it for each 1024 bytes
	until  time.Time
	seen   int
	struck int
}

const anyKey = -1

// watch is the eye on a life's network.
func (l *life) watch(p passage) verdict {
	l.reach(pointOf(p))
	if l.dead.Load() {
		return verdict{lost: true}
	}
	return l.p.disturb(p)
}

func (p *process) disturb(passing passage) verdict {
	var out verdict
	p.mu.Lock()
	out.instead = p.bent.bentFrame(passing)
	for _, r := range p.rules {
		if r.answer != passing.answer || r.key != anyKey && r.key != passing.key || !r.until.IsZero() && time.Now().After(r.until) {
			continue
		}
		r.seen++
		out.delay += r.delay + time.Duration(len(passing.frame))*r.perKB/1024
		if r.seen == r.nth || r.every > 0 && r.seen%r.every == 0 {
			r.struck++
			out.lost = true
		}
	}
	p.mu.Unlock()
	if out.lost {
		p.w.note("%s: the network loses %s", p.name, passing)
	}
	return out
}

func (p *process) impose(r *rule) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = append(p.rules, r)
}

func (p passage) String() string {
	return fmt.Sprintf("%s %d", either(p.answer, "the answer to request", "request"), p.key)
}
