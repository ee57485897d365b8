package rebuild

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/es"
	"recount/internal/worker/projector"
)

// Config says what is rebuilt, from where, to where. Zero fields take their defaults.
type Config struct {
	// Projector is the configuration of the projectors that will follow what is built: contexts, codec, SQL and services,
	// and the pace that its tables must be made for.
	Projector projector.Config
	// Who describes this process to others that want to rebuild the same view.
	Who string
	// Block is how many offsets of a partition are inserted at a time; BlockBytes the most of their records, about.
	Block      int
	BlockBytes int
	// Lanes is how many partitions are read at a time, each with a block being decoded and one being inserted.
	Lanes int
	// ClaimTime is how long others must wait after this process's death. An insert ends well before.
	ClaimTime time.Duration
	// Patience is how long projectors are waited for that should follow what was built.
	Patience time.Duration
	Observer Observer
	Log      *slog.Logger

	// Without turns guards off, for the negative controls of tests.
	Without Guard
}

// The defaults of Config.
const (
	BlockDefault      = 100_000
	BlockBytesDefault = 48 << 20
	PatienceDefault   = 10 * time.Second
	lanesMin          = 2
)

// Guard names guards of a rebuild.
type Guard uint8

// The guards that Config.Without can turn off.
const (
	// GuardAgain looks for the rows of the block that was in work when the process before this one died.
	GuardAgain Guard = 1 << iota
	// GuardCompare compares the generations before the new one takes over.
	GuardCompare
)

// Observer is told how a rebuild goes. Its methods must return at once, and may be called from many goroutines.
type Observer interface {
	// At is told when a point is reached.
	At(view string, p Point)
	// Filling is told how far the filling is; it covers all views that are filled together.
	Filling(p Progress)
	// Compared is told what came of comparing one table.
	Compared(view string, c clickhouse.Comparison, took time.Duration)
	// Switched is told when a view's public names have been replaced, and for how long they were of two generations.
	Switched(view string, generation int, took time.Duration)
}

// Point is a moment of a rebuild. A process may die at each.
type Point string

// The points, in the order in which a rebuild comes by them.
const (
	Claimed  Point = "claimed"
	Made     Point = "tables made and recorded"
	Copied   Point = "older rows copied"
	Inserted Point = "a block inserted, its watermark not written"
	Marked   Point = "a block's watermark written"
	Filled   Point = "filled"
	Frozen   Point = "the old table frozen for comparison"
	Compared Point = "compared"
	Seeded   Point = "the consumer group told where it stands"
	Followed Point = "handed over to the projectors"
	CaughtUp Point = "caught up"
	Intended Point = "the switch written down"
	Replaced Point = "a public name replaced"
	Serves   Point = "serves"
	Trimmed  Point = "an old generation dropped"
)

// Points returns all points, in order.
func Points() []Point {
	return []Point{Claimed, Made, Copied, Inserted, Marked, Filled, Frozen, Compared, Seeded, Followed, CaughtUp, Intended, Replaced, Serves, Trimmed}
}

// Progress is how far a filling is.
type Progress struct {
	Views []string
	// Done and Total count offsets; Rows those inserted so far, over all views.
	Done, Total, Rows int64
	Elapsed           time.Duration
	// Lag is how many records the generations that serve are behind the log at the moment.
	Lag int64
}

// Rate is how many offsets a second were passed.
func (p Progress) Rate() float64 { return float64(p.Done) / max(p.Elapsed.Seconds(), 0.001) }

// Left is how long it will take at this rate; 0 while that is not known.
func (p Progress) Left() time.Duration {
	if p.Done == 0 {
		return 0
	}
	return time.Duration(float64(p.Elapsed) * float64(p.Total-p.Done) / float64(p.Done)).Round(time.Second)
}

type unobserved struct{}

func (unobserved) At(string, Point)                                         {}
func (unobserved) Filling(Progress)                                         {}
func (unobserved) Compared(string, clickhouse.Comparison, time.Duration)    {}
func (unobserved) Switched(view string, generation int, took time.Duration) {}

func (c Config) withDefaults() Config {
	c.Block = cmp.Or(c.Block, BlockDefault)
	c.BlockBytes = cmp.Or(c.BlockBytes, BlockBytesDefault)
	c.Lanes = cmp.Or(c.Lanes, max(lanesMin, runtime.GOMAXPROCS(0)))
	c.ClaimTime = cmp.Or(c.ClaimTime, clickhouse.ClaimTimeDefault)
	c.Patience = cmp.Or(c.Patience, PatienceDefault)
	c.Who = cmp.Or(c.Who, "somebody")
	if c.Observer == nil {
		c.Observer = unobserved{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func (c Config) validate() error {
	check := func(ok bool, problem string) error {
		if ok {
			return nil
		}
		return errors.New("rebuild: " + problem)
	}
	p := c.Projector
	return errors.Join(
		check(p.DB != nil && p.Codec != nil && p.Render != nil, "a database, a codec and the views' SQL are needed"),
		check(c.Block > 0 && c.BlockBytes > 0 && c.Lanes > 0, "blocks and lanes must be positive"),
	)
}

// viewContexts returns a view's declaration and the contexts that have it.
func (c Config) viewContexts(name string) (v es.View, contexts []string, err error) {
	var known []string
	for _, context := range c.Projector.Contexts {
		for _, declared := range context.Views {
			known = append(known, declared.Name)
			if declared.Name == name {
				v, contexts = declared, append(contexts, context.Name)
			}
		}
	}
	if len(contexts) == 0 {
		slices.Sort(known)
		return v, nil, fmt.Errorf("rebuild: there is no view %q; there are: %v", name, slices.Compact(known))
	}
	return v, contexts, nil
}
