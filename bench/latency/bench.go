package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"recount/bench/broker"
	"recount/bench/maven"
	"recount/bench/report"
	benchsubject "recount/bench/subject"
	"recount/bench/workload"
	"recount/internal/kafka"
	"recount/internal/serde"
)

const (
	// startDelay lets the contender join its group before the first command.
	startDelay = 3 * time.Second
	// stopPatience is how long a contender may take to write its state and leave.
	stopPatience = 30 * time.Second
)

// benchmark is all runs.
type benchmark struct {
	o        options
	dir      string
	codec    *serde.Codec
	workload *workload.Workload
	log      io.Writer // of contenders; nil: their last lines are kept for messages
	progress func(string)
	readings map[string]reading
}

// bench makes the runs, and writes the result to a file and as a table to out.
func bench(ctx context.Context, o options, out, messages io.Writer) (err error) {
	began := time.Now()
	b := &benchmark{o: o, readings: map[string]reading{}, progress: func(s string) {
		fmt.Fprintf(messages, "%4.0fs  %s\n", time.Since(began).Seconds(), s)
	}}
	if o.verbose {
		b.log = messages
	}
	machine := report.Machine(began)
	if b.dir, err = os.MkdirTemp("", "recount-latency-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if b.codec, err = benchsubject.Offline(); err != nil {
		return err
	}
	plan := workload.Plan{Commands: o.commands(), Accounts: o.accounts, Partitions: int32(o.partitions), Seed: 1}
	if b.workload, err = workload.Write(ctx, plan, b.codec, filepath.Join(b.dir, "commands")); err != nil {
		return err
	}
	for _, t := range trials() {
		if !slices.Contains(o.chosen(), t.name) {
			continue
		}
		r, err := b.run(ctx, t)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		b.readings[t.name] = r
		b.progress(fmt.Sprintf("%-24s p50 %s ms, p99 %s ms, longest %s ms", t.name, millis(r.due.p50), millis(r.due.p99), millis(r.due.max)))
	}
	conditions, err := b.conditions(ctx, machine)
	if err != nil {
		return err
	}
	if err := report.Write(o.out, b.result(conditions)); err != nil {
		return err
	}
	return b.table(out, conditions)
}

// run makes one run, on a broker and in a folder of its own.
func (b *benchmark) run(ctx context.Context, t trial) (r reading, err error) {
	dir, err := os.MkdirTemp(b.dir, "run-")
	if err != nil {
		return r, err
	}
	node, err := broker.Start(ctx, broker.Options{Variant: t.variant, Progress: b.progress})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, node.Stop(context.WithoutCancel(ctx)), os.RemoveAll(dir)) }()
	cfg := kafka.Config{Brokers: []string{node.Addr()}}
	if err := kafka.EnsureTopics(ctx, cfg, []string{benchsubject.Bank}, int32(b.o.partitions), kafka.Replication{Factor: 1}); err != nil {
		return r, err
	}
	w, err := newWatch(b.workload, b.codec)
	if err != nil {
		return r, err
	}
	contender, err := t.start(ctx, node.Addr(), dir, b.o.partitions, b.codec, b.log, b.progress)
	if err != nil {
		return r, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
		defer cancel()
		err = errors.Join(err, contender.Stop(ctx))
	}()
	w.pace = workload.Pace{Start: time.Now().Add(startDelay), PerSecond: b.o.rate}
	g, inner := errgroup.WithContext(ctx)
	g.Go(func() error {
		return b.workload.Send(inner, node.Addr(), commandsTopic, w.pace, func(n int, at time.Time) { w.accepted[n].Store(at.UnixNano()) })
	})
	g.Go(func() error { return w.read(inner, node.Addr(), contender) })
	if err := g.Wait(); err != nil {
		return r, err
	}
	return w.reading(b.o.first()), nil
}

// result is the file's content: flat. The plain names are those of the aggregator's runs that the targets are about: one
// session on a broker as recommended.
func (b *benchmark) result(conditions string) map[string]any {
	out := map[string]any{"conditions": conditions, "commands_per_second": b.o.rate}
	put := func(prefix string, r reading) {
		for name, d := range map[string]time.Duration{
			"committed_p50_ms": r.due.p50, "committed_p99_ms": r.due.p99, "committed_max_ms": r.due.max,
			"accepted_to_committed_p50_ms": r.accepted.p50, "accepted_to_committed_p99_ms": r.accepted.p99,
		} {
			out[prefix+name] = report.Round(float64(d.Microseconds())/1000, 1)
		}
	}
	for _, t := range trials() {
		if r, ok := b.readings[t.name]; ok {
			put(strings.ReplaceAll(t.name, "-", "_")+"_", r)
			if t.sessions == 1 && t.variant == broker.Tuned {
				put("", r)
			}
		}
	}
	return out
}

// conditions say what the figures are true of.
func (b *benchmark) conditions(ctx context.Context, machine string) (string, error) {
	java, err := maven.Java()
	if err != nil {
		return "", err
	}
	version, err := report.JavaVersion(ctx, java)
	if err != nil {
		return "", err
	}
	return strings.Join([]string{
		fmt.Sprintf("%s commands a second on %s accounts, %d partitions, for %v after %v that do not count", report.Count(float64(b.o.rate)), report.Count(float64(b.o.accounts)), b.o.partitions, b.o.measured, b.o.warmUp),
		fmt.Sprintf("a fresh Kafka %s for each run, on the same cores", broker.Version),
		"from when a command was due to when its event was read with read_committed",
		machine, version,
	}, "; "), nil
}

// table writes the result for people.
func (b *benchmark) table(w io.Writer, conditions string) error {
	var rows [][]string
	for _, t := range trials() {
		if r, ok := b.readings[t.name]; ok {
			rows = append(rows, []string{t.title, string(t.variant), millis(r.due.p50), millis(r.due.p99), millis(r.due.max), millis(r.accepted.p50), millis(r.accepted.p99)})
		}
	}
	if _, err := fmt.Fprintf(w, "\n%s\n\n", conditions); err != nil {
		return err
	}
	return report.Table(w, []string{"", "broker", "p50 ms", "p99", "longest", "from accepted: p50", "p99"}, rows)
}

func millis(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d.Microseconds())/1000) }
