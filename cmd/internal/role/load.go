package role

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"time"

	"recount/cmd/internal/cli"
	"recount/internal/ingest"
	"recount/internal/kafka"
)

// Load is the configuration of the role that publishes a file of commands.
type Load struct {
	// Rejected is the file for bad lines; empty: beside the file.
	Rejected string
	// Source is the name that lines without a command ID get theirs from; empty: the file's.
	Source string
	// Actor is who loads; empty: the user of this process.
	Actor    string
	Contexts []string
	Quiet    bool
}

// Flags declares them.
func (l *Load) Flags(f *cli.Flags) {
	f.StringVar(&l.Rejected, "rejected", l.Rejected, "`file` for the lines that are bad, with number and reason; empty: FILE.rejected.ndjson")
	f.StringVar(&l.Source, "source", l.Source, "`name` that lines without a command_id get theirs from, with their number; empty: the file's. The same lines under the same name are the same commands")
	f.StringVar(&l.Actor, "actor", l.Actor, "`name` of who loads: every command's actor; empty: the user")
	f.StringSliceVar(&l.Contexts, "context", l.Contexts, "`contexts` whose commands to take, separated by commas; empty: all")
	f.BoolVar(&l.Quiet, "quiet", l.Quiet, "show no progress")
}

// Validate returns every fault.
func (l *Load) Validate() error { return nil }

// loadLinger lets records of a bulk load wait for company: nobody waits for a single one.
const loadLinger = 5 * time.Millisecond

// Run publishes the commands in the file at path, or those on the standard input. It returns cli.ErrReported if some
// lines were bad.
func (l Load) Run(ctx context.Context, f *Foundation, in *cli.Process, path string) (ingest.LoadResult, error) {
	contexts, err := f.Choose(l.Contexts)
	if err != nil {
		return ingest.LoadResult{}, err
	}
	producer, err := kafka.NewProducer(f.Kafka, kafka.ProducerConfig{Linger: loadLinger})
	if err != nil {
		return ingest.LoadResult{}, err
	}
	defer producer.Close()
	cfg := ingest.LoadConfig{
		Codec: f.Codec, Partitions: int32(f.Services.Partitions), Publisher: producer,
		Path: path, Stdin: in.Stdin, RejectedPath: l.Rejected, SourceName: l.Source, Actor: l.actor(),
	}
	for _, c := range contexts {
		cfg.Contexts = append(cfg.Contexts, c.Name)
	}
	if !l.Quiet {
		cfg.Progress = in.Stderr
	}
	res, err := ingest.Load(ctx, cfg)
	if err != nil {
		return res, err
	}
	return res, summary(in, res)
}

func (l Load) actor() string {
	if l.Actor != "" {
		return l.Actor
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "load"
}

// summary says what became of the lines.
func summary(in *cli.Process, r ingest.LoadResult) error {
	rate := float64(r.Published) / max(r.Elapsed.Seconds(), 1e-3)
	_, err := fmt.Fprintf(in.Stdout, "%d commands published in %v (%.0f/s)\n", r.Published, r.Elapsed.Round(time.Millisecond), rate)
	if r.Rejected > 0 {
		_, told := fmt.Fprintf(in.Stdout, "%d lines rejected: %s says why\n", r.Rejected, r.RejectedPath)
		err = errors.Join(err, told)
	}
	if err == nil && r.ExitCode() != 0 {
		err = cli.ErrReported
	}
	return err
}
