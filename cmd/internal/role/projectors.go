package role

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"recount/cmd/internal/cli"
	"recount/internal/clickhouse"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/worker/parking"
	"recount/internal/worker/projector"
	views "recount/schemas/clickhouse"
	"recount/schemas/clickhouse/migrations"
)

// Projectors is the configuration of the role that keeps the views up to date.
type Projectors struct {
	Contexts []string
	// Views are those to keep; none: all.
	Views []string
	// Instance, if given, makes this process a static member of its groups.
	Instance string
	// RangeRecords bounds a range, and so an insert.
	RangeRecords int
	// RangeAge, if given, takes the place of the freshness that views declare.
	RangeAge time.Duration
	// InsertsPerSecond bounds the inserts into each table, those of all processes together.
	InsertsPerSecond int
	// Concurrency is how many ranges are worked on at a time; 0: four a processor.
	Concurrency    int
	InsertLifetime time.Duration
	SessionTimeout time.Duration
	// TransactionTimeout is the aggregators': a question for what was believed waits so long.
	TransactionTimeout time.Duration
	// ParkedMax is how many aggregates of a partition a view may park before it stops.
	ParkedMax int
	// Without turns guards off, for the negative controls of tests. No flag sets it.
	Without kafka.RangeGuard
}

// NewProjectors returns the defaults.
func NewProjectors() Projectors {
	return Projectors{
		RangeRecords: kafka.RangeRecordsDefault, InsertsPerSecond: clickhouse.PerSecondDefault,
		InsertLifetime: clickhouse.InsertLifetimeDefault, SessionTimeout: kafka.SessionTimeoutDefault,
		TransactionTimeout: kafka.TransactionTimeoutDefault, ParkedMax: parking.AggregatesMaxDefault,
	}
}

// Flags declares them.
func (p *Projectors) Flags(f *cli.Flags) {
	f.StringSliceVar(&p.Contexts, "context", p.Contexts, "`contexts` whose views to keep, separated by commas; empty: all")
	f.StringSliceVar(&p.Views, "view", p.Views, "`views` to keep, separated by commas; empty: all")
	f.StringVar(&p.Instance, "instance", p.Instance, "`name` under which this process comes back after a restart, and finds its partitions; empty: it gives them away when it stops")
	f.IntVar(&p.RangeRecords, "range-records", p.RangeRecords, "`records` of one range at most: an insert each")
	f.DurationVar(&p.RangeAge, "range-age", p.RangeAge, "`time` that a record may wait for others to be inserted with, in all views; 0: what each view declares (100ms for balances, 1s for archives and reports)")
	p.insertFlags(f)
	f.IntVar(&p.Concurrency, "concurrency", p.Concurrency, "`number` of ranges worked on at a time; 0: four a processor")
	f.DurationVar(&p.InsertLifetime, "insert-lifetime", p.InsertLifetime, "`time` for which the insert of one range is tried before it is begun again")
	f.DurationVar(&p.SessionTimeout, "session-timeout", p.SessionTimeout, "`time` without a sign of life after which others take over")
	f.IntVar(&p.ParkedMax, "parked-max", p.ParkedMax, "`number` of aggregates of a partition that may wait because a view can't map one of their events; beyond it the view stops: then its mapping is broken")
	f.DurationVar(&p.TransactionTimeout, "transaction-timeout", p.TransactionTimeout, "`time` that the aggregators' transactions may stay open, at most: what was recorded later than that ago may still be missing")
}

// insertFlags declares what tables are made for.
func (p *Projectors) insertFlags(f *cli.Flags) {
	f.IntVar(&p.InsertsPerSecond, "inserts-per-second", p.InsertsPerSecond, "`number` of inserts into one table at most, by all projectors together, which must all have the same: tables are made for it, and views wait for it")
}

// Validate returns every fault.
func (p *Projectors) Validate() error {
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	check(p.Instance == "" || instanceName.MatchString(p.Instance), "--instance: %q is not made of letters, digits, dots, dashes and underscores", p.Instance)
	check(p.RangeRecords >= 1, "--range-records: a range of %d records never ends", p.RangeRecords)
	check(p.RangeAge >= 0, "--range-age: %v is not a time to wait", p.RangeAge)
	check(p.InsertsPerSecond >= 1, "--inserts-per-second: with %d a table stays as it is", p.InsertsPerSecond)
	check(p.Concurrency >= 0, "--concurrency: %d ranges can't be worked on", p.Concurrency)
	check(p.InsertLifetime >= time.Second, "--insert-lifetime: %v is shorter than a second", p.InsertLifetime)
	check(p.SessionTimeout >= time.Second, "--session-timeout: %v is shorter than a second", p.SessionTimeout)
	check(p.TransactionTimeout >= time.Second, "--transaction-timeout: %v is shorter than a second", p.TransactionTimeout)
	check(p.ParkedMax >= 1, "--parked-max: %d aggregates can't be parked", p.ParkedMax)
	return errors.Join(faults...)
}

// ViewKeepers are the projectors of a process.
type ViewKeepers struct {
	projector *projector.Projector
}

// Status says where each view stands, as far as this process keeps it.
func (v *ViewKeepers) Status() []projector.ViewStatus { return v.projector.Status() }

// Run keeps the views up to date until ctx ends, and then finishes the ranges in work.
func (v *ViewKeepers) Run(ctx context.Context) error { return v.projector.Run(ctx) }

// Open connects to ClickHouse and brings Recount's own tables up to date.
func (p Projectors) Open(ctx context.Context, f *Foundation) (*ViewKeepers, error) {
	contexts, err := f.Choose(p.Contexts)
	if err != nil {
		return nil, err
	}
	if contexts, err = withViews(contexts, p.Views); err != nil {
		return nil, err
	}
	db, err := f.Views(ctx)
	if err != nil {
		return nil, err
	}
	if err := db.Migrate(ctx, migrations.FS()); err != nil {
		return nil, err
	}
	keepers, err := projector.New(projector.Config{
		Kafka: f.Kafka, DB: db, Contexts: contexts, Codec: f.Codec, Render: render(f.Services.Database),
		InstanceID: p.Instance, Limits: kafka.RangeLimits{Records: p.RangeRecords, Age: p.RangeAge}, InsertsPerSecond: p.InsertsPerSecond,
		InsertLifetime: p.InsertLifetime, SessionTimeout: p.SessionTimeout, TransactionTimeout: p.TransactionTimeout, Concurrency: p.Concurrency,
		ParkedMax: p.ParkedMax, WithoutRange: p.Without, Observer: f.Telemetry.Projector(), Tracer: f.Traces.Projections(), Log: f.Log,
	})
	if err != nil {
		return nil, err
	}
	f.Telemetry.Views(keepers.Status)
	f.Telemetry.Tables(keepers.Tables)
	f.Telemetry.AddReady("projectors", keepers.Ready)
	f.Log.Info("projectors", "database", f.Services.Database, "views", viewNames(contexts))
	return &ViewKeepers{keepers}, nil
}

// render gives the statements of a view's generation in database.
func render(database string) clickhouse.Render {
	return func(view string, generation, window int) (clickhouse.Script, error) {
		s, err := views.Render(view, views.Params{Database: database, Generation: generation, DedupWindow: window})
		return clickhouse.Script{Tables: s.Tables, Public: s.Public}, err
	}
}

// withViews returns the contexts with only those of their views that are called names, or all of them.
func withViews(contexts []es.Context, names []string) ([]es.Context, error) {
	known := viewNames(contexts)
	for _, n := range names {
		if !slices.Contains(known, n) {
			return nil, cli.Usagef("--view: there is no view %q; there are: %s", n, strings.Join(known, ", "))
		}
	}
	if len(names) == 0 {
		return contexts, nil
	}
	out := slices.Clone(contexts)
	for i := range out {
		out[i].Views = slices.DeleteFunc(slices.Clone(out[i].Views), func(v es.View) bool { return !slices.Contains(names, v.Name) })
	}
	return out, nil
}

// Waitable is a view that can be waited for by the position of an event.
type Waitable struct {
	Name     string
	Contexts []string
}

// WaitableViews are the contexts' views that show events. Positions are places in the log of events: the views of other
// logs cannot be waited for by them.
func WaitableViews(contexts []es.Context) []Waitable {
	var out []Waitable
	for _, c := range contexts {
		for _, v := range c.Views {
			if v.From != es.FromEvents {
				continue
			}
			at := slices.IndexFunc(out, func(w Waitable) bool { return w.Name == v.Name })
			if at < 0 {
				at = len(out)
				out = append(out, Waitable{Name: v.Name})
			}
			out[at].Contexts = append(out[at].Contexts, c.Name)
		}
	}
	return out
}

// viewNames are the names of the contexts' views; several contexts may share one.
func viewNames(contexts []es.Context) []string {
	var out []string
	for _, c := range contexts {
		for _, v := range c.Views {
			out = append(out, v.Name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
