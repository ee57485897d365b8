package fleet

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/console"
	"recount/internal/worker/steer"
)

// moveConfig is what aggregator move takes.
type moveConfig struct {
	config
	waiting
	to   string
	json bool
}

// Flags declares them.
func (c *moveConfig) Flags(f *cli.Flags) {
	f.StringVar(&c.to, "to", c.to, "`worker` to own the partition, as aggregator partitions names it")
	f.StringVar(&c.context, "context", c.context, "`context` of the partition")
	f.BoolVar(&c.json, "json", c.json, "answer as JSON")
	c.waiting.flags(f)
	c.serviceFlags(f)
}

// Validate returns every fault.
func (c *moveConfig) Validate() error {
	var faults []error
	if c.to == "" {
		faults = append(faults, errors.New("--to: which worker is to own the partition? aggregator partitions shows them"))
	}
	if c.context == "" {
		faults = append(faults, errors.New("--context: a partition belongs to one"))
	}
	return errors.Join(append(faults, c.validate(), c.services.Validate())...)
}

func moveCommand() *cobra.Command {
	c := &moveConfig{config: config{services: cli.DefaultServices(), context: contextDefault}, waiting: waiting{waitDefault}}
	return cli.Command{
		Use:   "move PARTITION",
		Short: "Have a worker own a partition from now on",
		Long: `
Has the worker follow the partition until it is warm, then has the group pass the partition to it, and waits until it
decides its commands. The partition stands still only in between, for less than a second; all others go on.

The partition stays with that worker, whatever balance would want, until aggregator release, or as long as the worker is
there: when it is gone another takes the partition over, and when it comes back it gets it back.`,
		Example: `
  aggregator move 3 --to aggregator-x7k2m4qp
  aggregator move 3 --to worker-2 --context bank --wait 10m`,
		Args:   cli.Takes("PARTITION"),
		Config: c,
		Run:    c.run,
	}.Cobra()
}

func (c *moveConfig) run(ctx context.Context, in *cli.Process) error {
	p, err := partitionOf(in.Args[0])
	if err != nil {
		return err
	}
	ctx, cancel := c.within(ctx)
	defer cancel()
	return c.with(ctx, in, func(ctx context.Context, _ string, s steer.Steer) error {
		status := console.NewStatus(in.Stderr)
		moved, err := s.Move(ctx, p, c.to, progress(status))
		status.End()
		if err != nil {
			return err
		}
		if c.json {
			return console.JSON(in.Stdout, movedJSON(moved))
		}
		w := console.New(in.Stdout)
		tellMove(w, moved)
		return w.Err()
	})
}

// progress says how far a move is.
func progress(status *console.Status) func(steer.Step) {
	return func(step steer.Step) {
		if step.Stage == steer.Warming {
			status.Say("partition %d: warming, %s events behind", step.Partition, console.Count(step.Behind))
			return
		}
		status.Say("partition %d: %s", step.Partition, step.Stage)
	}
}

func tellMove(w *console.Writer, m steer.Moved) {
	from := m.From
	switch {
	case from == m.To:
		w.Line("partition %d is %s's already, and stays there", m.Partition, m.To)
		return
	case from == "":
		from = "nobody"
	}
	note := ""
	if !m.Decided {
		note = ", as the workers say: no commands came meanwhile"
	}
	w.Line("partition %d: %s → %s, warm after %v, paused for %v%s", m.Partition, from, m.To,
		m.Warming.Round(time.Millisecond), m.Pause.Round(time.Millisecond), note)
}

// movedReport is a move as JSON.
type movedReport struct {
	Partition      int32   `json:"partition"`
	From           string  `json:"from"`
	To             string  `json:"to"`
	WarmingSeconds float64 `json:"warming_seconds"`
	SwitchSeconds  float64 `json:"switch_seconds"`
	PauseSeconds   float64 `json:"pause_seconds"`
	// UnderLoad says that the pause was seen between events, and not told by the workers.
	UnderLoad bool `json:"under_load"`
}

func movedJSON(m steer.Moved) movedReport {
	return movedReport{m.Partition, m.From, m.To, m.Warming.Seconds(), m.Switch.Seconds(), m.Pause.Seconds(), m.Decided}
}
