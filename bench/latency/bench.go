package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"recount/bench/broker"
	"recount/bench/frame"
	"recount/bench/maven"
	"recount/bench/report"
	benchsubject "recount/bench/subject"
	"recount/bench/workload"
	"recount/internal/process"
	"recount/internal/serde"
)

// startDelay lets the contender join its group before the first command.
const startDelay = 3 * time.Second

// benchmark is all runs.
type benchmark struct {
	*frame.Scene
	o        options
	codec    *serde.Codec
	workload *workload.Workload
	readings map[string]reading
}

// measure makes the runs.
func measure(ctx context.Context, s *frame.Scene, o options) (frame.Result, error) {
	b := &benchmark{Scene: s, o: o, readings: map[string]reading{}}
	if err := b.runs(ctx); err != nil {
		return frame.Result{}, err
	}
	conditions, err := b.conditions(ctx)
	if err != nil {
		return frame.Result{}, err
	}
	return b.table(conditions), nil
}

func (b *benchmark) runs(ctx context.Context) (err error) {
	if b.codec, err = benchsubject.Offline(); err != nil {
		return err
	}
	plan := workload.Plan{Commands: b.o.commands(), Accounts: b.o.accounts, Partitions: int32(b.o.partitions), Seed: 1}
	if b.workload, err = workload.Write(ctx, plan, b.codec, filepath.Join(b.Dir, "commands")); err != nil {
		return err
	}
	for _, t := range trials() {
		if !slices.Contains(b.o.chosen(), t.name) {
			continue
		}
		r, err := b.run(ctx, t)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		b.readings[t.name] = r
		b.Progress(fmt.Sprintf("%-24s p50 %s ms, p99 %s ms, longest %s ms", t.name, report.MillisText(r.due.P50), report.MillisText(r.due.P99), report.MillisText(r.due.Max)))
	}
	return nil
}

// run makes one run, on a broker and in a folder of its own.
func (b *benchmark) run(ctx context.Context, t trial) (r reading, err error) {
	dir, err := os.MkdirTemp(b.Dir, "run-")
	if err != nil {
		return r, err
	}
	node, err := b.Broker(ctx, t.variant, int32(b.o.partitions), benchsubject.Bank)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, node.Stop(context.WithoutCancel(ctx)), os.RemoveAll(dir)) }()
	w, err := newWatch(b.workload, b.codec)
	if err != nil {
		return r, err
	}
	var views *readSide
	if t.views {
		views, err = b.openReadSide(ctx, node.Addr(), dir)
		defer func() { err = errors.Join(err, views.close(ctx)) }()
		if err != nil {
			return r, err
		}
	}
	contender, err := t.start(ctx, node.Addr(), dir, b.o, b.codec, b.Log, b.Progress)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, contender.End(ctx)) }()
	w.pace = workload.Pace{Start: time.Now().Add(startDelay), PerSecond: b.o.rate}
	return b.observe(ctx, w, views, node.Addr(), contender)
}

// observe sends the commands and notes what becomes of them.
func (b *benchmark) observe(ctx context.Context, w *watch, views *readSide, address string, contender *process.Process) (r reading, err error) {
	g, inner := errgroup.WithContext(ctx)
	g.Go(func() error {
		return b.workload.Send(inner, address, commandsTopic, w.pace, func(n int, at time.Time) { w.accepted[n].Store(at.UnixNano()) })
	})
	g.Go(func() error {
		err := w.read(inner, address, contender)
		if err == nil && views != nil {
			views.ends(w.places)
		}
		return err
	})
	if views != nil {
		g.Go(func() error { return views.watch(inner) })
	}
	if err := g.Wait(); err != nil {
		return r, err
	}
	r = w.reading(b.o.first())
	if views != nil {
		r.balances, r.history = report.DelaysOf(w.seenIn(&views.balances, b.o.first())), report.DelaysOf(w.seenIn(&views.history, b.o.first()))
		err = views.exact(ctx, w.commands)
	}
	return r, err
}

// result is the file's content: flat. The plain names are those of the aggregator's runs that the targets are about: one
// session on a broker as recommended; for what is visible, with projectors beside it.
func (b *benchmark) result(conditions string) map[string]any {
	out := map[string]any{"conditions": conditions, "commands_per_second": b.o.rate}
	put := func(prefix string, values map[string]time.Duration) {
		for name, d := range values {
			out[prefix+name] = report.Millis(d)
		}
	}
	for _, t := range trials() {
		r, ok := b.readings[t.name]
		if !ok {
			continue
		}
		put(strings.ReplaceAll(t.name, "-", "_")+"_", r.committed())
		switch {
		case t.views:
			put("", r.visible())
		case t.sessions == 1 && t.variant == broker.Tuned:
			put("", r.committed())
		}
	}
	return out
}

func (r reading) committed() map[string]time.Duration {
	return map[string]time.Duration{
		"committed_p50_ms": r.due.P50, "committed_p99_ms": r.due.P99, "committed_max_ms": r.due.Max,
		"accepted_to_committed_p50_ms": r.accepted.P50, "accepted_to_committed_p99_ms": r.accepted.P99,
	}
}

// visible is of the balances; the history, which nobody watches as it changes, has names of its own.
func (r reading) visible() map[string]time.Duration {
	return map[string]time.Duration{
		"visible_p50_ms": r.balances.P50, "visible_p99_ms": r.balances.P99, "visible_max_ms": r.balances.Max,
		"history_visible_p50_ms": r.history.P50, "history_visible_p99_ms": r.history.P99, "history_visible_max_ms": r.history.Max,
	}
}

// conditions say what the figures are true of.
func (b *benchmark) conditions(ctx context.Context) (string, error) {
	version, err := maven.JavaVersion(ctx)
	if err != nil {
		return "", err
	}
	return strings.Join([]string{
		fmt.Sprintf("%s commands a second on %s accounts, %d partitions, for %v after %v that do not count", report.Count(float64(b.o.rate)), report.Count(float64(b.o.accounts)), b.o.partitions, b.o.measured, b.o.warmUp),
		fmt.Sprintf("a fresh Kafka %s for each run, on the same cores", broker.Version),
		"from when a command was due to when its event was read with read_committed",
		fmt.Sprintf("visible: to when the embedded ClickHouse on the same cores, asked every %v, showed it in %s (history_…: in %s, asked every %v)", balancesPause, balances, history, historyPause),
		b.Machine, version,
	}, "; "), nil
}

// table is the result for people, with the file beside it.
func (b *benchmark) table(conditions string) frame.Result {
	var rows [][]string
	for _, t := range trials() {
		if r, ok := b.readings[t.name]; ok {
			rows = append(rows, []string{t.title, string(t.variant), report.MillisText(r.due.P50), report.MillisText(r.due.P99), report.MillisText(r.due.Max), report.MillisText(r.accepted.P50), report.MillisText(r.accepted.P99), seen(r.balances), seen(r.history)})
		}
	}
	return frame.Result{
		File: b.result(conditions), Conditions: conditions,
		Header: []string{"", "broker", "p50 ms", "p99", "longest", "from accepted: p50", "p99", "visible: p50 / p99", "in the history"}, Rows: rows,
	}
}

// seen is when a table showed the events, for people.
func seen(s report.Delays) string {
	if s == (report.Delays{}) {
		return ""
	}
	return report.MillisText(s.P50) + " / " + report.MillisText(s.P99)
}
