// Package archive is recount export and recount import: all events out of a cluster into files, and into an empty one.
package archive

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/console"
	"recount/cmd/internal/role"
	"recount/internal/archive"
	"recount/internal/worker/carry"
)

// exportConfig is what recount export is told.
type exportConfig struct {
	services   cli.Services
	FileEvents int64
	Parallel   int
	Quiet      bool
}

// Flags declares them.
func (c *exportConfig) Flags(f *cli.Flags) {
	f.Int64Var(&c.FileEvents, "file-events", c.FileEvents, "`events` of one file at most")
	f.IntVar(&c.Parallel, "parallel", c.Parallel, "`partitions` to read beside each other; 0: one a core")
	f.BoolVar(&c.Quiet, "quiet", c.Quiet, "show no progress")
	withoutViews(f, &c.services)
}

// withoutViews declares the services' flags. Those of ClickHouse mean nothing here: a --config file may name them.
func withoutViews(f *cli.Flags, s *cli.Services) {
	s.Flags(f)
	for _, unused := range []string{"clickhouse", "clickhouse-ca", "clickhouse-replicated", "database"} {
		if err := f.MarkHidden(unused); err != nil {
			panic(err) // declared a line above
		}
	}
}

// Validate returns every fault.
func (c *exportConfig) Validate() error {
	var faults []error
	if c.FileEvents < 1 {
		faults = append(faults, fmt.Errorf("--file-events: a file with %d events holds nothing", c.FileEvents))
	}
	return errors.Join(append(faults, checkParallel(c.Parallel), c.services.Validate())...)
}

func checkParallel(n int) error {
	if n < 0 {
		return fmt.Errorf("--parallel: %d is no number of partitions; 0 takes one a core", n)
	}
	return nil
}

// ExportCommand returns recount export.
func ExportCommand() *cobra.Command {
	cfg := &exportConfig{services: cli.DefaultServices(), FileEvents: carry.FileEventsDefault}
	return cli.Command{
		Use: "export DIR", Short: "Keep all events in files, with a manifest of their hashes",
		Long: `
Writes all events of all contexts, the histories of processes included, up to the last stable offset, into DIR: Avro Object
Container Files, one for each partition and range of offsets, and manifest.json with the SHA-256 and the number of events of
each, and every version of the schemas. Nobody is disturbed by it. A DIR that it makes is this user's alone: events hold
personal data.

Run again, it adds what has come since, in new files; no file is ever written again. Killed, it is run again and goes on.

An archive holds what has happened. Commands that wait to be decided are in none, nor are answers that processes wait for: the
command says how many there were. Such an archive is good for keeping and for proof; to move to another cluster, stop the
producers, wait until nothing waits (recount status), and export once more.`,
		Example: `
  recount export archive
  recount verify --archive archive
  recount import archive --kafka other-broker:9092 --registry http://other-registry:8081`,
		Args: cli.Takes("DIR"), Config: cfg, Run: cfg.run,
	}.Cobra()
}

func (c *exportConfig) run(ctx context.Context, p *cli.Process) error {
	return role.With(ctx, p, c.services, func(ctx context.Context, f *role.Foundation) error {
		began := time.Now()
		bar := newProgress(p, c.Quiet)
		defer bar.end()
		done, err := carry.Export{
			Dir: p.Args[0], Kafka: f.Kafka, Codec: f.Codec, Contexts: f.Contexts, Partitions: int32(c.services.Partitions),
			FileEvents: c.FileEvents, Parallel: c.Parallel, Progress: func(at carry.Progress) { bar.say("reading", at) },
		}.Run(ctx)
		if err != nil {
			return err
		}
		bar.end()
		return exported(p, done, time.Since(began))
	})
}

func exported(p *cli.Process, done *carry.Exported, took time.Duration) error {
	w := console.New(p.Stdout)
	w.Heading("%s events added in %s", console.Count(done.Events), console.Seconds(took.Seconds()))
	events, bytes := done.Manifest.Totals()
	w.Line("  %s events in %s files, %s bytes; %s says what they are.", console.Count(events), console.Count(int64(len(done.Manifest.Files))), console.Count(bytes), archive.ManifestName)
	w.Mark(done.Manifest.Cut.Settled(), "Nothing was under way: an import goes on where this cluster stands")
	for _, waiting := range done.Manifest.Cut.Waiting {
		w.Line("        %s: %s records wait, and are not in the archive", waiting.Topic, console.Count(waiting.Records))
	}
	if done.Manifest.Cut.Moving {
		w.Line("        events were written meanwhile: the next export has them")
	}
	return w.Err()
}

// progress tells on the standard error how far it is.
type progress struct {
	status *console.Status // nil: nobody is told
	phase  string
	began  time.Time
}

func newProgress(p *cli.Process, quiet bool) *progress {
	if quiet {
		return &progress{}
	}
	return &progress{status: console.NewStatus(p.Stderr)}
}

// say says it in words: writing: 41 % done, 312,345 events/s, 4s left.
func (b *progress) say(phase string, at carry.Progress) {
	if b.phase != phase {
		b.phase, b.began = phase, time.Now()
	}
	if b.status == nil || at.Planned == 0 || at.Passed == 0 {
		return
	}
	elapsed := time.Since(b.began)
	left := time.Duration(float64(elapsed) * float64(at.Planned-at.Passed) / float64(at.Passed))
	rate := int64(float64(at.Events) / max(elapsed.Seconds(), 1e-3))
	b.status.Say("%s: %d %% done, %s events/s, %v left", strings.ToLower(phase), 100*at.Passed/at.Planned, console.Count(rate), left.Round(time.Second))
}

func (b *progress) end() {
	if b.status != nil {
		b.status.End()
	}
}
