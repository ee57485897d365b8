package projector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/worker/parking"
)

// Codec turns records into what views map. serde's fits.
type Codec interface {
	// Recorded decodes a record of one of a context's streams.
	Recorded(context string, stream es.Stream, partition int32, offset, timestampMillis int64, key, value []byte, headers []engine.Header) (es.Recorded, error)
	// Unknown gives the ID of a schema that has to be learned before value can be decoded.
	Unknown(value []byte) (id int, unknown bool)
	// Learn asks the registry for a schema. An error means that it could not be asked.
	Learn(ctx context.Context, id int) error
}

// Config says what is projected, from where, to where. Zero fields of the lower half take their defaults.
type Config struct {
	Kafka    kafka.Config
	DB       *clickhouse.DB
	Contexts []es.Context
	Codec    Codec
	// Render gives the SQL of a view's generation.
	Render clickhouse.Render

	// InsertsPerSecond is how many inserts a second each table of a view takes at most, from all processes together: what
	// its parts are merged at, and what its deduplication window is made for. All processes must have the same.
	InsertsPerSecond int
	// Follows, if given, says which generations are followed, of those that are to be: for a program that looks after one.
	Follows func(g clickhouse.Generation) bool
	// InstanceID, if given, makes this process a static member of its groups: one that comes back under the same ID goes
	// on at once, and one that ends keeps its partitions until the session timeout. Without one it gives them away.
	InstanceID string
	// Limits bound ranges. An Age that is given takes the place of the freshness that views declare; a Rate is not read.
	Limits kafka.RangeLimits
	// InsertLifetime is how long the insert of one range is tried before it is given up and begun again.
	InsertLifetime   time.Duration
	SessionTimeout   time.Duration
	RebalanceTimeout time.Duration
	// TransactionTimeout is the longest that any aggregator's transaction may stay open.
	TransactionTimeout time.Duration
	// Concurrency is how many ranges are worked on at a time, over all views; 0: four a processor, because most of a range's
	// time is spent waiting: for what the group commits, for ClickHouse, for a disk.
	Concurrency int
	// ParkedMax is how many aggregates of a partition a view may park before it stops; 0: parking.AggregatesMaxDefault.
	ParkedMax int
	Observer  Observer
	// Tracer, if given, follows some of the records into the views.
	Tracer Tracer
	Log    *slog.Logger

	// WithoutRange and WithoutSink turn guards off, for the negative controls of tests.
	WithoutRange   kafka.RangeGuard
	WithoutSink    clickhouse.SinkGuard
	WithoutParking parking.Guard
}

// restartTime is how long a worker that died may take to be started again, beyond what Kafka needs to notice. Whoever
// takes longer has the rows of its range looked up.
const restartTime = time.Minute

const rangesPerProcessor = 4

func (c Config) withDefaults() Config {
	c.InsertLifetime = cmp.Or(c.InsertLifetime, clickhouse.InsertLifetimeDefault)
	c.SessionTimeout = cmp.Or(c.SessionTimeout, kafka.SessionTimeoutDefault)
	c.RebalanceTimeout = cmp.Or(c.RebalanceTimeout, kafka.RebalanceTimeoutDefault)
	c.TransactionTimeout = cmp.Or(c.TransactionTimeout, kafka.TransactionTimeoutDefault)
	c.Concurrency = cmp.Or(c.Concurrency, rangesPerProcessor*runtime.GOMAXPROCS(0))
	c.InsertsPerSecond = cmp.Or(c.InsertsPerSecond, clickhouse.PerSecondDefault)
	if c.Observer == nil {
		c.Observer = unobserved{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Kafka.Log == nil {
		c.Kafka.Log = c.Log
	}
	return c
}

func (c Config) validate() error {
	check := func(ok bool, problem string) error {
		if ok {
			return nil
		}
		return errors.New("projector: " + problem)
	}
	faults := []error{
		check(c.DB != nil && c.Codec != nil && c.Render != nil, "a database, a codec and the views' SQL are needed"),
		check(len(c.Contexts) > 0, "there is no context to project"),
		check(2*c.InsertLifetime < c.RebalanceTimeout, fmt.Sprintf("the insert lifetime (%v) must be less than half the rebalance timeout (%v): "+
			"a revoke waits for an insert, and a member that is waited for too long is thrown out", c.InsertLifetime, c.RebalanceTimeout)),
		check(c.InsertsPerSecond > 0, "the inserts per second must be positive: without one a table stays as it is"),
		check(c.ParkedMax >= 0, "the number of aggregates that may be parked must not be negative"),
		check(c.Concurrency > 0, "the concurrency must be positive: without a turn no range is worked on"),
	}
	return errors.Join(faults...)
}

func (c Config) follows(g clickhouse.Generation) bool { return c.Follows == nil || c.Follows(g) }

// limits are those of the ranges of one view, whose tables are fed by as many partitions, of all contexts together.
func (c Config) limits(v es.View, partitions int) kafka.RangeLimits {
	l := c.Limits
	l.Age = cmp.Or(l.Age, time.Duration(v.Freshness())*time.Millisecond)
	l.Rate = float64(c.InsertsPerSecond) / float64(max(partitions, 1))
	return l
}

// Pace is how often a table is inserted into at most. Zero fields count as their defaults.
func (c Config) Pace() clickhouse.Pace {
	c = c.withDefaults()
	return clickhouse.Pace{
		PerSecond: c.InsertsPerSecond, Takeover: c.SessionTimeout + c.RebalanceTimeout + restartTime, InsertLifetime: c.InsertLifetime,
	}
}
