package carry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"recount/internal/archive"
	"recount/internal/durable"
	"recount/internal/es"
	"recount/internal/filelock"
	"recount/internal/kafka"
	"recount/internal/serde"
	"recount/internal/serde/container"
	"recount/internal/worker/verify"
)

// Export says what is to be brought into an archive, and where that is.
type Export struct {
	Dir        string
	Kafka      kafka.Config
	Codec      *serde.Codec
	Contexts   []es.Context
	Partitions int32
	// FileEvents is how many events a file has at most; 0: FileEventsDefault.
	FileEvents int64
	// Parallel is how many partitions are read beside each other; 0: one a core.
	Parallel int
	// Progress is told now and then how far it is; nil: nobody is. It is called by one goroutine at a time.
	Progress func(Progress)
}

// FileEventsDefault keeps a file at some hundred megabytes.
const FileEventsDefault = 1_000_000

// Progress is how far it is.
type Progress struct {
	Planned, Passed int64 // offsets
	Events          int64
}

// Exported is what an export has added.
type Exported struct {
	Manifest *archive.Manifest
	Files    int
	Events   int64
}

// Run adds what the archive lacks, up to the last stable offsets. Killed, it is run again and goes on: a file counts once the
// manifest has it, and the archive as a whole once its cut is there.
func (x Export) Run(ctx context.Context) (_ *Exported, err error) {
	if err := durable.Folder(x.Dir); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	lock, err := lockArchive(x.Dir)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	e := &export{Export: x, streams: verify.StreamsOf(x.Contexts)}
	if e.manifest, err = e.open(ctx); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	cut, parts, err := e.cut(ctx)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	if e.manifest.Cut = nil; len(parts) > 0 {
		if err := e.manifest.Save(x.Dir); err != nil {
			return nil, fmt.Errorf("export: %w", err)
		}
	}
	if err := e.write(ctx, parts); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	e.manifest.Cut = cut
	if err := e.manifest.Save(x.Dir); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	return &e.done, nil
}

// lockArchive keeps two exports from writing the same files.
func lockArchive(dir string) (*filelock.Lock, error) {
	now, cancel := context.WithCancel(context.Background())
	cancel() // one try is made, and none is waited for
	lock, err := filelock.Acquire(now, filepath.Join(dir, ".lock"), "another export")
	if held := (*filelock.HeldError)(nil); errors.As(err, &held) {
		return nil, fmt.Errorf("%w: wait until it has ended", err)
	}
	return lock, err
}

type export struct {
	Export
	streams []verify.Stream

	mu       sync.Mutex
	manifest *archive.Manifest
	at       Progress
	done     Exported
}

// open returns the archive's manifest, or begins one. An archive of another cluster is an error.
func (e *export) open(ctx context.Context) (*archive.Manifest, error) {
	topics, err := e.topics(ctx)
	if err != nil {
		return nil, err
	}
	m, err := archive.Load(e.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		m = archive.NewManifest(e.Partitions, topics)
		return m, m.Keep(e.Codec)
	}
	if err != nil {
		return nil, err
	}
	if err := m.Fits(int(e.Partitions)); err != nil {
		return nil, err
	}
	for _, kept := range m.Topics {
		for _, t := range topics {
			if t.Name == kept.Name && t.Incarnation != kept.Incarnation {
				return nil, fmt.Errorf("%s is another topic than the one in the archive: it was made again, or this is another cluster. Export into a new folder", t.Name)
			}
		}
	}
	m.Topics = topics
	return m, m.Keep(e.Codec)
}

func (e *export) topics(ctx context.Context) (out []archive.Topic, err error) {
	var names []string
	for _, s := range e.streams {
		names = append(names, s.Topic())
	}
	info, err := kafka.DescribeTopics(ctx, e.Kafka, names...)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		out = append(out, archive.Topic{Name: name, Incarnation: es.ID(info[name].ID).String()})
	}
	return out, nil
}

// write reads the parts beside each other.
func (e *export) write(ctx context.Context, parts []verify.Part) error {
	for _, p := range parts {
		e.at.Planned += p.Until - p.From
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(cmp.Or(e.Parallel, runtime.GOMAXPROCS(0)))
	for _, p := range parts {
		g.Go(func() error {
			if err := e.part(ctx, p); err != nil {
				return fmt.Errorf("%s/%d: %w", p.Topic(), p.Partition, err)
			}
			return nil
		})
	}
	e.done.Manifest = e.manifest
	return g.Wait()
}

// part writes the files of one partition.
func (e *export) part(ctx context.Context, p verify.Part) (err error) {
	w, err := archive.Create(e.Dir, p.Topic(), p.Partition, p.From)
	if err != nil {
		return err
	}
	defer func() {
		if w != nil {
			err = errors.Join(err, w.Abandon())
		}
	}()
	limit := cmp.Or(e.FileEvents, FileEventsDefault)
	passed := p.From
	span := kafka.Span{Topic: p.Topic(), Partition: p.Partition, From: p.From, Until: p.Until}
	err = kafka.Replay(ctx, e.Kafka, []kafka.Span{span}, func(_ kafka.Span, records []*kafka.Record, next int64) error {
		for _, r := range records {
			if w.Records() >= limit {
				if err := e.keep(w, r.Offset); err != nil {
					w = nil
					return err
				}
				if w, err = archive.Create(e.Dir, p.Topic(), p.Partition, r.Offset); err != nil {
					w = nil
					return err
				}
			}
			if err := e.record(ctx, w, r); err != nil {
				return fmt.Errorf("offset %d: %w", r.Offset, err)
			}
		}
		e.progress(next-passed, int64(len(records)))
		passed = next
		return nil
	})
	if err != nil || w.Records() == 0 { // nothing but markers: the next export passes over them again
		return err
	}
	last := w
	w = nil
	return e.keep(last, p.Until)
}

// record writes one record, by a schema that this program has.
func (e *export) record(ctx context.Context, w *archive.Writer, r *kafka.Record) error {
	if id, unknown := e.Codec.Unknown(r.Value); unknown {
		if err := e.Codec.Learn(ctx, id); err != nil {
			return err
		}
	}
	schema, body, err := e.Codec.Unframe(r.Value)
	if err != nil {
		return err
	}
	out := container.Record{
		Offset: r.Offset, TimestampMillis: r.Timestamp.UnixMilli(), Key: r.Key, Schema: schema.Record, SchemaVersion: schema.Version, Body: body,
	}
	for _, h := range r.Headers {
		out.Headers = append(out.Headers, container.Header{Key: h.Key, Value: h.Value})
	}
	return w.Write(&out)
}

// keep ends a file and has the manifest list it.
func (e *export) keep(w *archive.Writer, until int64) error {
	f, err := w.Commit(until)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.manifest.Add(f)
	e.done.Files++
	e.done.Events += f.Records
	return e.manifest.Save(e.Dir)
}

func (e *export) progress(passed, events int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.at.Passed += passed
	e.at.Events += events
	if e.Progress != nil {
		e.Progress(e.at)
	}
}

// now is when a cut is made, to the second.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
