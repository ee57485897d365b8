package carry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"recount/internal/archive"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/serde"
	"recount/internal/worker/verify"
)

// Import says which archive is to be brought into an empty cluster.
type Import struct {
	Dir        string
	Kafka      kafka.Config
	Codec      *serde.Codec
	Contexts   []es.Context
	Partitions int32
	// AcceptLostCommands goes on though commands or processes were under way when the archive was made.
	AcceptLostCommands bool
	// Parallel is how many partitions are written beside each other; 0: one a core.
	Parallel int
	// Progress is told now and then how far it is, first of verifying the archive; nil: nobody is. It is called by one
	// goroutine at a time.
	Progress func(what string, p Progress)
	// Without turns guards off, so that tests can show what they are for.
	Without Guard
}

// Guard names one of the checks of an import.
type Guard uint8

// The guards that Import.Without can turn off.
const (
	// GuardVerify walks the archive's chains before anything is written.
	GuardVerify Guard = 1 << iota
	// GuardResume compares the last record that is there with the archive's.
	GuardResume
)

// Imported is what an import has written.
type Imported struct {
	Events int64 // all that the archive has
	Wrote  int64 // by this run: the others were there
	Heads  es.Hash
}

// Errors of an import, each of them before anything was written.
var (
	// ErrNotEmpty says that the cluster holds something else than a beginning of this archive.
	ErrNotEmpty = errors.New("the cluster is not empty")
	// ErrUnsettled says that the archive was made while commands or processes were under way.
	ErrUnsettled = errors.New("the archive was made while something was under way")
	// ErrBroken says that the archive's chains do not hold.
	ErrBroken = errors.New("the archive's chains do not hold")
)

// Run checks everything that can be checked, and then writes. Killed, it is run again and goes on: what a partition has is
// a beginning of what the archive has of it. The groups are told where they stand last, and until then no aggregator
// decides on a part of the events.
func (x Import) Run(ctx context.Context) (*Imported, error) {
	m, err := x.load(ctx)
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	i := &importing{Import: x, manifest: m, streams: historiesFirst(x.Contexts)}
	heads, err := i.verify(ctx)
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	there, err := i.there(ctx)
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	if err := i.writeAll(ctx, there); err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	if err := i.tellGroups(ctx); err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	events, _ := m.Totals()
	return &Imported{Events: events, Wrote: i.at.Events, Heads: heads}, nil
}

// historiesFirst are the topics in the order in which they are written. Once the events of a partition are there, all
// that processes have made of them is there, too.
func historiesFirst(contexts []es.Context) (out []verify.Stream) {
	for _, name := range []string{verify.Processes, verify.Events} {
		for _, s := range verify.StreamsOf(contexts) {
			if s.Name == name {
				out = append(out, s)
			}
		}
	}
	return out
}

// load returns the manifest of an archive that is whole, and can be imported by this program.
func (x Import) load(ctx context.Context) (*archive.Manifest, error) {
	m, err := archive.Load(x.Dir)
	if err != nil {
		return nil, err
	}
	if err := m.Fits(int(x.Partitions)); err != nil {
		return nil, err
	}
	if err := errors.Join(m.Known(x.Codec), m.Check(ctx, x.Dir)); err != nil {
		return nil, err
	}
	switch {
	case m.Cut == nil:
		return nil, errors.New("the newest export has not ended: run recount export again, to its end")
	case !m.Cut.Settled() && !x.AcceptLostCommands:
		return nil, fmt.Errorf("%w: %s. What waits is in no archive. Export again once nothing waits (recount status); or --accept-lost-commands goes on without", ErrUnsettled, underWay(m.Cut))
	}
	return m, nil
}

func underWay(c *archive.Cut) string {
	var parts []string
	for _, w := range c.Waiting {
		parts = append(parts, fmt.Sprintf("%d records of %s waited", w.Records, w.Topic))
	}
	if c.Moving {
		parts = append(parts, "events were being written")
	}
	return strings.Join(parts, ", ")
}

type importing struct {
	Import
	manifest *archive.Manifest
	streams  []verify.Stream

	mu    sync.Mutex
	at    Progress            // its events are those that this run has written
	sagas map[sagaPlace]int64 // where processes go on, in the offsets of the new cluster
}

// sagaPlace is one partition of a context's events.
type sagaPlace struct {
	context   string
	partition int32
}

// verify walks the archive's chains.
func (i *importing) verify(ctx context.Context) (es.Hash, error) {
	if i.Without&GuardVerify != 0 {
		return es.Hash{}, nil
	}
	r, err := verify.Run(ctx, verify.Request{
		Source: verify.Archive{Dir: i.Dir, Manifest: i.manifest, Codec: i.Codec}, Streams: i.streams, Codec: i.Codec,
		Partitions: i.Partitions, Parallel: i.Parallel,
		Progress: func(p verify.Progress) { i.tell("verifying", Progress{p.Planned, p.Passed, p.Events}) },
	})
	if err != nil {
		return es.Hash{}, err
	}
	if r.Broken > 0 {
		b := r.Breaks[0]
		return es.Hash{}, fmt.Errorf("%w: %d aggregates are affected, the first is %s %s at version %d (%s/%d@%d: %s). See recount verify --archive %s",
			ErrBroken, r.Broken, b.Aggregate, b.ID, b.Version, b.Topic, b.Partition, b.Offset, b.Differs, i.Dir)
	}
	return r.Heads.SHA256, nil
}

func (i *importing) tell(what string, p Progress) {
	if i.Progress != nil {
		i.Progress(what, p)
	}
}

// writeAll writes what the cluster lacks, one topic after another, its partitions beside each other.
func (i *importing) writeAll(ctx context.Context, there map[verify.Stream]map[int32]int64) error {
	i.at.Planned, _ = i.manifest.Totals()
	i.sagas = map[sagaPlace]int64{}
	out, err := kafka.NewAppender(i.Kafka)
	if err != nil {
		return err
	}
	defer out.Close()
	for _, s := range i.streams {
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(cmp.Or(i.Parallel, runtime.GOMAXPROCS(0)))
		for p := range i.Partitions {
			g.Go(func() error {
				w := writer{importing: i, out: out, stream: s, partition: p, there: there[s][p], saga: i.sagaNext(s, p)}
				if err := w.run(ctx); err != nil {
					return fmt.Errorf("%s/%d: %w", s.Topic(), p, err)
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
	return nil
}
