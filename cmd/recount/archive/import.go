package archive

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/console"
	"recount/cmd/internal/role"
	"recount/internal/archive"
	"recount/internal/worker/carry"
)

// importConfig is what recount import is told.
type importConfig struct {
	services           cli.Services
	topics             role.Topics
	AcceptLostCommands bool
	Parallel           int
	Quiet              bool
}

// Flags declares them.
func (c *importConfig) Flags(f *cli.Flags) {
	f.BoolVar(&c.AcceptLostCommands, "accept-lost-commands", c.AcceptLostCommands, "go on though commands or processes were under way when the archive was made: they are lost, or have to be sent again")
	f.IntVar(&c.Parallel, "parallel", c.Parallel, "`partitions` to write beside each other; 0: one a core")
	f.BoolVar(&c.Quiet, "quiet", c.Quiet, "show no progress")
	c.topics.Flags(f)
	withoutViews(f, &c.services)
}

// Validate returns every fault.
func (c *importConfig) Validate() error {
	return errors.Join(checkParallel(c.Parallel), c.topics.Validate(), c.services.Validate())
}

// ImportCommand returns recount import.
func ImportCommand() *cobra.Command {
	cfg := &importConfig{services: cli.DefaultServices(), topics: role.DefaultTopics()}
	return cli.Command{
		Use: "import DIR", Short: "Bring an archive into an empty cluster",
		Long: `
Brings the events that recount export wrote into DIR into a cluster that nothing was written to: with their versions, chains,
times and keys, each in its partition. Offsets are new, and so are the schemas' IDs. Before anything is written, every file
is compared with the manifest and every chain is walked.

Last of all the groups of aggregators and processes are told to begin at the start of their inputs, so that nothing is
decided twice. Aggregators refuse to start until then. Start the roles afterwards, with empty --state folders and an empty
database: states, snapshots and views follow from the events. What was refused, and what dead letters there were, is not in
an archive, nor are the command IDs of refused commands.

Killed, it is run again and goes on. A cluster with anything else in it is refused.`,
		Example: `
  recount import archive --kafka other-broker:9092 --registry http://other-registry:8081 --create-topics
  recount verify --kafka other-broker:9092 --registry http://other-registry:8081 --anchor heads.anchor`,
		Args: cli.Takes("DIR"), Config: cfg, Run: cfg.run,
	}.Cobra()
}

func (c *importConfig) run(ctx context.Context, p *cli.Process) error {
	m, err := archive.Load(p.Args[0])
	if err == nil {
		err = m.Fits(c.services.Partitions) // before topics are made with another number
	}
	if err != nil {
		return err
	}
	tool := role.Tool(p, c.services)
	tool.Topics = c.topics
	return tool.Do(ctx, func(ctx context.Context, f *role.Foundation) error {
		began := time.Now()
		bar := newProgress(p, c.Quiet)
		defer bar.end()
		done, err := carry.Import{
			Dir: p.Args[0], Kafka: f.Kafka, Codec: f.Codec, Contexts: f.Contexts, Partitions: int32(c.services.Partitions),
			AcceptLostCommands: c.AcceptLostCommands, Parallel: c.Parallel, Progress: bar.say,
		}.Run(ctx)
		if err != nil {
			return err
		}
		bar.end()
		w := console.New(p.Stdout)
		w.Heading("%s events imported in %s, %s of them now", console.Count(done.Events), console.Seconds(time.Since(began).Seconds()), console.Count(done.Wrote))
		w.Mark(true, "Every file and every chain of the archive holds")
		w.Mark(true, "Aggregators and processes begin at the start of their inputs")
		w.Line("  heads' SHA-256: %s", done.Heads)
		return w.Err()
	})
}
