package role

import (
	"context"
	"fmt"
	"math"
	"time"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/console"
	"recount/internal/worker/aggregator"
)

// Restore is the configuration of a tool that fills an aggregator's stores from the log, while that aggregator is stopped.
type Restore struct {
	// Partitions to fill; none: all.
	Partitions []int
	// FromZero looks at no snapshot.
	FromZero bool
	Quiet    bool
}

// Flags declares them.
func (r *Restore) Flags(f *cli.Flags) {
	f.BoolVar(&r.FromZero, "from-zero", r.FromZero, "fold every event, and look at no snapshot")
	f.IntSliceVar(&r.Partitions, "partition", r.Partitions, "`number` of a partition to restore; may be repeated; none: all")
	f.BoolVar(&r.Quiet, "quiet", r.Quiet, "show no progress")
}

// Validate returns every fault that can be seen without knowing how many partitions there are.
func (r *Restore) Validate() error {
	for _, n := range r.Partitions {
		if n < 0 || n > math.MaxInt32 {
			return fmt.Errorf("--partition: there is no partition %d", n)
		}
	}
	return nil
}

// Run fills the stores of a's contexts, and writes what came of each partition to the standard output.
func (r Restore) Run(ctx context.Context, f *Foundation, in *cli.Process, a Aggregator) error {
	contexts, err := f.Choose(a.Contexts)
	if err != nil {
		return err
	}
	partitions, err := r.partitions(f.Services.Partitions)
	if err != nil {
		return err
	}
	leases, metrics, err := a.leases(f, "stop it first. When it starts, it restores by itself what its disk lacks")
	if err != nil {
		return err
	}
	f.Telemetry.Store(metrics)
	a.Instance = "restore" // no member of a group, and none of its transactions: a name is asked for, and not used
	for _, c := range contexts {
		cfg := a.worker(f, c, leases, nil)
		cfg.Replier = nil
		w, err := aggregator.New(ctx, cfg)
		if err != nil {
			return err
		}
		if err := r.context(ctx, in, w, c.Name, partitions); err != nil {
			return fmt.Errorf("context %s: %w", c.Name, err)
		}
	}
	return nil
}

// partitions are those asked for, each of which there must be.
func (r Restore) partitions(count int) (out []int32, err error) {
	for _, n := range r.Partitions {
		if n >= count {
			return nil, cli.Usagef("--partition: there is no partition %d; there are 0 to %d", n, count-1)
		}
		out = append(out, int32(n))
	}
	return out, nil
}

func (r Restore) context(ctx context.Context, in *cli.Process, w *aggregator.Worker, name string, partitions []int32) error {
	began := time.Now()
	rebuild := aggregator.Rebuild{Partitions: partitions, FromZero: r.FromZero}
	if !r.Quiet {
		status := console.NewStatus(in.Stderr)
		defer status.End()
		rebuild.Progress = func(p aggregator.Progress) { status.Say("%s: %s", name, progress(p, time.Since(began))) }
	}
	done, err := w.Rebuild(ctx, rebuild)
	if err != nil {
		return err
	}
	return restored(in, name, done, time.Since(began))
}

// progress says it in words: 3 of 12 partitions, 41 % read, 812,345 records/s, 4s left.
func progress(p aggregator.Progress, elapsed time.Duration) string {
	text := fmt.Sprintf("%d of %d partitions", p.Restored, p.Partitions)
	if p.Planned == 0 || p.Passed == 0 {
		return text
	}
	left := time.Duration(float64(elapsed) * float64(p.Planned-p.Passed) / float64(p.Passed))
	return fmt.Sprintf("%s, %d %% read, %s records/s, %v left", text, 100*p.Passed/p.Planned,
		console.Count(perSecond(p.Records, elapsed)), left.Round(time.Second))
}

func perSecond(records int64, took time.Duration) int64 {
	return int64(float64(records) / max(took.Seconds(), 1e-3))
}

// restored writes what came of the partitions of a context.
func restored(in *cli.Process, name string, done []aggregator.Restored, took time.Duration) error {
	out := console.New(in.Stdout)
	table := console.Table{Columns: []console.Column{
		console.Number("partition"), console.Text("from"), console.Number("snapshots"), console.Number("events and refusals"), console.Number("took"),
	}}
	records := int64(0)
	for _, p := range done {
		records += int64(p.Snapshots + p.Records)
		table.Rows = append(table.Rows, []string{
			fmt.Sprint(p.Partition), string(p.From), console.Count(int64(p.Snapshots)), console.Count(int64(p.Records)), console.Seconds(p.Took.Seconds()),
		})
	}
	out.Heading("%s: %d partitions in %s, %s records/s", name, len(done), console.Seconds(took.Seconds()), console.Count(perSecond(records, took)))
	out.Table(table)
	return out.Err()
}
