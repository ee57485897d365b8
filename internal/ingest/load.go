package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"time"

	"recount/internal/kafka"
	"recount/internal/serde"
)

// BulkPublisher publishes commands as fast as the broker takes them. *kafka.Producer is one.
type BulkPublisher interface {
	// Produce publishes c, waiting for room until ctx ends. It returns kafka.ErrTooLarge for a record no broker takes.
	// done is called once, by a goroutine it must not block, unless Produce returned an error. Records of one
	// partition are written in the order of the calls.
	Produce(ctx context.Context, c kafka.Command, done func(partition int32, offset int64, err error)) error
	// Flush waits until everything produced so far has been acknowledged or has failed.
	Flush(ctx context.Context) error
}

// LoadConfig says what to load and where to. Codec, Contexts, Partitions, Publisher and Path must be given.
type LoadConfig struct {
	Codec    *serde.Codec
	Contexts []string
	// Partitions is the epoch's partition count of every context's topics.
	Partitions int32
	Publisher  BulkPublisher
	// Path is a file of NDJSON, packed with gzip or zstd or not at all; "-" is Stdin.
	Path  string
	Stdin io.Reader
	// RejectedPath is where bad lines go. Default: FILE.rejected.ndjson beside FILE.ndjson; stdin.rejected.ndjson here.
	RejectedPath string
	// SourceName stands in the command IDs of lines that have none, with the line and its number: loading the same
	// lines again under the same name repeats the same commands. Default: the file's name, without folder and suffix of
	// packing; "stdin". Give another to mean other commands by the same lines.
	SourceName string
	// Actor is who loads: every command's actor.
	Actor string
	// Progress is told how it goes: with a bar if it is a terminal, else with a line every few seconds. nil: nothing.
	Progress io.Writer

	// LineBytesMax bounds a line. Default 1 MiB, the largest record.
	LineBytesMax int
	// Encoders is how many lines are checked at a time. Default: one a processor.
	Encoders int
	// FlushTimeout bounds the wait for the last acknowledgements, also after an interruption. Default 30 s.
	FlushTimeout time.Duration
}

const flushTimeoutDefault = 30 * time.Second

// LoadResult counts what became of the lines.
type LoadResult struct {
	Lines     int64 // read, blank ones not counted
	Published int64 // acknowledged by the broker
	Rejected  int64 // bad: they lie in RejectedPath
	// RejectedPath is where they lie; the file exists if there are any.
	RejectedPath string
	Elapsed      time.Duration
}

// ExitCode is 0 if every line was published, else 1.
func (r LoadResult) ExitCode() int {
	if r.Published < r.Lines || r.Rejected > 0 {
		return 1
	}
	return 0
}

// Load publishes the commands of a file. A bad line goes to the rejected lines with its number and the reason, and the
// others go on, in their order. An error means that the load has stopped half-way; it says how to go on. The result
// counts what was done until then.
//
// Memory is bounded: by a few chunks of lines, and by what the publisher buffers. When a broker fails in the middle,
// lines after the first that failed may have been written; so going on means loading everything again, which is safe
// because the same lines are the same commands.
func Load(ctx context.Context, cfg LoadConfig) (LoadResult, error) {
	if err := cfg.complete(); err != nil {
		return LoadResult{}, err
	}
	src, err := openSource(cfg.Path, cfg.Stdin)
	if err != nil {
		return LoadResult{}, fmt.Errorf("ingest: %w", err)
	}
	if cfg.SourceName != "" {
		src.name = cfg.SourceName
	}
	rejected, err := newRejectedFile(cfg.RejectedPath)
	if err != nil {
		src.Close()
		return LoadResult{}, fmt.Errorf("ingest: %w", err)
	}
	l := &loader{cfg: cfg, catalog: newCatalog(cfg.Codec, cfg.Contexts), src: src, rejected: rejected, tally: &tally{started: time.Now()}}
	stop := l.report()
	err = l.run(ctx)
	err = errors.Join(err, rejected.Close())
	stop()
	return l.tally.result(cfg.RejectedPath), err
}

func (c *LoadConfig) complete() error {
	if c.RejectedPath == "" && c.Path != "" {
		c.RejectedPath = rejectedPath(c.Path)
	}
	c.FlushTimeout = cmp.Or(c.FlushTimeout, flushTimeoutDefault)
	c.LineBytesMax = cmp.Or(c.LineBytesMax, kafka.RecordBytesMax)
	c.Encoders = cmp.Or(c.Encoders, runtime.GOMAXPROCS(0))
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf("ingest: "+format, args...))
		}
	}
	check(c.Codec != nil && c.Publisher != nil, "a codec and a publisher are needed")
	check(c.Partitions > 0, "the partition count is %d, and must be positive", c.Partitions)
	check(c.Path != "", "a file to load is needed; - is the standard input")
	check(c.Path != stdinPath || c.Stdin != nil, "the standard input is to be loaded, and there is none")
	check(c.Path == "" || filepath.Clean(c.RejectedPath) != filepath.Clean(c.Path), "rejected lines must not overwrite %s, which is being loaded", c.Path)
	check(c.LineBytesMax > 0 && c.Encoders > 0 && c.FlushTimeout > 0, "limits must be positive")
	return errors.Join(faults...)
}
