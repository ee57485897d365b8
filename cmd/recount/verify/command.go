// Package verify is recount verify: it shows that nothing was altered, removed, exchanged or put in among the events.
//
// It reads, and writes nothing but an anchor's file that does not exist yet.
package verify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/console"
	"recount/cmd/internal/role"
	"recount/domain"
	"recount/internal/archive"
	"recount/internal/serde"
	"recount/internal/worker/verify"
	"recount/schemas/avro"
)

// config is what recount verify is told.
type config struct {
	services cli.Services
	Contexts []string
	Anchor   string
	Archive  string
	Parallel int
	Show     int
	JSON     bool
	Quiet    bool
}

const showDefault = 50

// Flags declares them.
func (c *config) Flags(f *cli.Flags) {
	f.StringVar(&c.Anchor, "anchor", c.Anchor, "`file` of the newest heads: written if it is not there, and else compared, so that a tail that was cut off is found")
	f.StringVar(&c.Archive, "archive", c.Archive, "`folder` of an archive to verify, in the place of the log: no service is asked")
	f.StringSliceVar(&c.Contexts, "context", c.Contexts, "`contexts` to verify, separated by commas; empty: all")
	f.IntVar(&c.Parallel, "parallel", c.Parallel, "`partitions` to walk beside each other; 0: one a core")
	f.IntVar(&c.Show, "show", c.Show, "`breaks` to name at most; all are counted")
	f.BoolVar(&c.JSON, "json", c.JSON, "print JSON")
	f.BoolVar(&c.Quiet, "quiet", c.Quiet, "show no progress")
	c.services.Flags(f)
	for _, unused := range []string{"clickhouse", "clickhouse-ca", "clickhouse-replicated", "database"} { // a --config file that all programs share may name them
		if err := f.MarkHidden(unused); err != nil {
			panic(err) // declared a line above
		}
	}
}

// Validate returns every fault.
func (c *config) Validate() error {
	var faults []error
	if c.Parallel < 0 {
		faults = append(faults, fmt.Errorf("--parallel: %d partitions can't be walked; 0 walks one a core", c.Parallel))
	}
	if c.Show < 0 {
		faults = append(faults, fmt.Errorf("--show: %d breaks can't be named", c.Show))
	}
	return errors.Join(append(faults, c.services.Validate())...)
}

// Command returns recount verify.
func Command() *cobra.Command {
	cfg := &config{services: cli.DefaultServices(), Show: showDefault}
	return cli.Command{
		Use: "verify", Short: "Show that no event was altered, removed, exchanged or put in",
		Long: `
Walks the chain of every aggregate and process, from its first event to the last stable offset, and names the first link of
each that does not hold: topic, partition, offset, aggregate, version, what differs and what to do next.

The chain shows that nothing was done to what lies between the first and the newest event. That the newest were cut off,
or written anew by somebody who knows how links are made, is told by an anchor: --anchor FILE writes the newest event of
every aggregate into FILE if it is not there, and else compares the log with it. Keep the file, or the one hash that is
printed with it, where nobody can change it who can write to Kafka. An anchor also fits a log that was imported elsewhere,
and --archive DIR, which walks what recount export wrote: each file must have the SHA-256 that its manifest says.

Exit code: 0 if everything holds; 1 if a link or the anchor does not, or the log can't be read; 2 if the command line is wrong.`,
		Example: `
  recount verify
  recount verify --anchor heads-2026-03.anchor
  recount verify --archive archive --anchor heads-2026-03.anchor
  recount verify --context bank --json | jq '.breaks[] | .aggregate + "/" + .id'`,
		Config: cfg,
		Run:    cfg.run,
	}.Cobra()
}

func (c *config) run(ctx context.Context, p *cli.Process) error {
	anchor, err := c.anchor()
	if err != nil {
		return err
	}
	if c.Archive != "" {
		return c.runOverArchive(ctx, p, anchor)
	}
	return role.With(ctx, p, c.services, func(ctx context.Context, f *role.Foundation) error {
		contexts, err := f.Choose(c.Contexts)
		if err != nil {
			return err
		}
		partitions := int32(c.services.Partitions)
		return c.walk(ctx, p, verify.Request{
			Source: verify.Kafka{Config: f.Kafka, Partitions: partitions}, Streams: verify.StreamsOf(contexts), Codec: f.Codec,
			Partitions: partitions, Anchor: anchor,
		})
	})
}

// runOverArchive needs no service: an archive names its schemas, and this program has them.
func (c *config) runOverArchive(ctx context.Context, p *cli.Process, anchor *verify.Anchor) error {
	f := role.Foundation{Contexts: domain.Contexts()}
	contexts, err := f.Choose(c.Contexts)
	if err != nil {
		return err
	}
	catalog, err := serde.NewCatalog(avro.FS, f.Contexts)
	if err != nil {
		return err
	}
	m, err := archive.Load(c.Archive)
	if err != nil {
		return fmt.Errorf("--archive: %w", err)
	}
	codec := catalog.Offline()
	if err := m.Known(codec); err != nil {
		return fmt.Errorf("--archive: %w", err)
	}
	return c.walk(ctx, p, verify.Request{
		Source: verify.Archive{Dir: c.Archive, Manifest: m, Codec: codec}, Streams: verify.StreamsOf(contexts), Codec: codec,
		Partitions: m.Partitions, Anchor: anchor,
	})
}

func (c *config) walk(ctx context.Context, p *cli.Process, r verify.Request) error {
	began := time.Now()
	r.Parallel = c.Parallel
	end := func() {}
	if !c.Quiet {
		status := console.NewStatus(p.Stderr)
		r.Progress = func(at verify.Progress) { status.Say("%s", inWords(at, time.Since(began))) }
		end = status.End
	}
	found, err := verify.Run(ctx, r)
	end() // neither a report nor an error ends up behind half a line
	if err != nil {
		return err
	}
	return c.tell(p, answer{Report: found, took: time.Since(began), anchor: r.Anchor})
}

// anchor is the one to compare with; nil where there is none yet.
func (c *config) anchor() (*verify.Anchor, error) {
	if c.Anchor == "" {
		return nil, nil
	}
	if _, err := os.Stat(c.Anchor); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	a, err := verify.ReadAnchor(c.Anchor)
	if err != nil {
		return nil, fmt.Errorf("--anchor: %w", err)
	}
	return a, nil
}

// inWords says it: 3 of 24 partitions, 41 % read, 812,345 events/s, 4s left.
func inWords(at verify.Progress, elapsed time.Duration) string {
	text := fmt.Sprintf("%d of %d partitions", at.Done, at.Parts)
	if at.Planned == 0 || at.Passed == 0 {
		return text
	}
	left := time.Duration(float64(elapsed) * float64(at.Planned-at.Passed) / float64(at.Passed))
	return fmt.Sprintf("%s, %d %% read, %s events/s, %v left", text, 100*at.Passed/at.Planned,
		console.Count(perSecond(at.Events, elapsed)), left.Round(time.Second))
}

func perSecond(n int64, took time.Duration) int64 {
	return int64(float64(n) / max(took.Seconds(), 1e-3))
}
