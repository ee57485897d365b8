package role

import (
	"context"
	"fmt"
	"os"
	"os/user"

	"recount/cmd/internal/cli"
	"recount/internal/clickhouse"
	"recount/internal/kafka"
	"recount/internal/worker/projector"
	"recount/internal/worker/rebuild"
	"recount/schemas/clickhouse/migrations"
)

// Rebuild is the configuration of whoever fills generations of views.
type Rebuild struct {
	// Projectors are those that will follow what is built; its tables are made for their pace.
	Projectors Projectors
	// Block is how many offsets of a partition are inserted at a time; Lanes how many partitions are read at a time, 0: one a
	// processor, and two at least.
	Block, Lanes int
	// Observer, if given, is told how it goes.
	Observer rebuild.Observer
}

// NewRebuild returns the defaults.
func NewRebuild() Rebuild { return Rebuild{Projectors: NewProjectors(), Block: rebuild.BlockDefault} }

// Flags declares them.
func (r *Rebuild) Flags(f *cli.Flags) {
	f.IntVar(&r.Block, "block", r.Block, "`offsets` of a partition that are inserted at a time: what is in memory grows with it")
	f.IntVar(&r.Lanes, "lanes", r.Lanes, "`partitions` read at a time; 0: one a processor, and two at least. Fewer leave more of the machine to the views that serve")
	r.Projectors.insertFlags(f)
}

// Validate returns every fault.
func (r *Rebuild) Validate() error {
	if r.Block < 1 || r.Lanes < 0 {
		return fmt.Errorf("--block and --lanes: %d offsets and %d partitions at a time are nothing to work on", r.Block, r.Lanes)
	}
	return r.Projectors.Validate()
}

// Open connects to ClickHouse and brings Recount's own tables up to date.
func (r Rebuild) Open(ctx context.Context, f *Foundation) (*rebuild.Rebuilder, *clickhouse.DB, error) {
	db, err := f.Views(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := db.Migrate(ctx, migrations.FS()); err != nil {
		return nil, nil, err
	}
	p := r.Projectors
	rebuilder, err := rebuild.New(ctx, rebuild.Config{
		Projector: projector.Config{
			Kafka: f.Kafka, DB: db, Contexts: f.Contexts, Codec: f.Codec, Render: render(f.Services.Database),
			Limits: kafka.RangeLimits{Records: p.RangeRecords}, InsertsPerSecond: p.InsertsPerSecond,
			InsertLifetime: p.InsertLifetime, SessionTimeout: p.SessionTimeout, ParkedMax: p.ParkedMax, Log: f.Log,
		},
		Who: whoAmI(), Block: r.Block, Lanes: r.Lanes, Observer: r.Observer, Log: f.Log,
	})
	return rebuilder, db, err
}

// whoAmI describes this process to people who find their view claimed.
func whoAmI() string {
	name, host := "somebody", "a machine without a name"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return fmt.Sprintf("%s on %s (process %d)", name, host, os.Getpid())
}

// ViewNames are the names of all views there are.
func (f *Foundation) ViewNames() []string { return viewNames(f.Contexts) }
