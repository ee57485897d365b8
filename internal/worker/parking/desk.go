package parking

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"recount/internal/clickhouse"
	"recount/internal/kafka"
)

// Desk is where operators decide about parked events. It writes their word down and waits for the projectors to carry it
// out; it touches no row itself.
type Desk struct {
	DB    *clickhouse.DB
	Kafka kafka.Config
	// Who decides, for those who read it later.
	Who string
}

// ErrNotParked says that nothing of an aggregate is parked in a view.
var ErrNotParked = errors.New("nothing of it is parked")

// ErrUnheard says that no projector has carried out what was decided.
var ErrUnheard = errors.New("no projector has carried it out")

// releaseStands is how long a release is heard after it was given: what has waited for a projector for longer, somebody has
// forgotten.
const releaseStands = 10 * time.Minute

const askPause = 50 * time.Millisecond

// List returns the aggregates that are parked in the generations that serve, or in the newest where none does; of one view,
// or of all if its name is empty.
func (d Desk) List(ctx context.Context, view string) ([]clickhouse.ParkedAggregate, error) {
	all, err := d.DB.ParkedAggregates(ctx, clickhouse.ParkedFilter{View: view})
	if err != nil {
		return nil, err
	}
	shown := map[string]int{}
	var out []clickhouse.ParkedAggregate
	for _, a := range all {
		if _, known := shown[a.View]; !known {
			g, _, err := d.DB.Serving(ctx, a.View)
			if err != nil {
				return nil, err
			}
			shown[a.View] = g.Number
		}
		if g := shown[a.View]; g == 0 || g == int(a.Generation) {
			out = append(out, a)
		}
	}
	return out, nil
}

// Find returns where an aggregate is parked in a view: in each context that has it.
func (d Desk) Find(ctx context.Context, view string, a Aggregate) ([]clickhouse.ParkedAggregate, error) {
	all, err := d.List(ctx, view)
	if err != nil {
		return nil, err
	}
	var out []clickhouse.ParkedAggregate
	for _, p := range all {
		if p.Aggregate == a.Type && p.ID == a.ID {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s %s in view %s: %w (projectors parked list)", a.Type, a.ID, view, ErrNotParked)
	}
	return out, nil
}

// Settled is what came of a decision.
type Settled struct {
	clickhouse.ParkedAggregate
	// Left is how many events are parked still, and Cause why the first of them is; 0: none.
	Left  int
	Cause string
}

// Release has parked events be mapped again, and waits until that was tried or patience is over. The word stands for a
// while longer, so that a projector which is started then carries it out.
func (d Desk) Release(ctx context.Context, a clickhouse.ParkedAggregate, patience time.Duration) (Settled, error) {
	now := time.Now()
	until := now.Add(releaseStands)
	v := d.verdict(kafka.ReleaseVerdict, a, now)
	v.Attempt, v.Until = uuid.NewString(), &until
	if err := kafka.GiveVerdicts(ctx, d.Kafka, v); err != nil {
		return Settled{}, err
	}
	settled, err := d.await(ctx, a, patience, func(head clickhouse.ParkedAggregate) bool { return head.Attempt == v.Attempt })
	if err != nil {
		return settled, err
	}
	return settled, kafka.WithdrawVerdicts(ctx, d.Kafka, v)
}

// Discard has the first of an aggregate's parked events never be in the view, in whichever generation, and those behind it
// mapped. It waits until that was done or patience is over; what was decided stands in either case.
func (d Desk) Discard(ctx context.Context, a clickhouse.ParkedAggregate, why string, patience time.Duration) (Settled, error) {
	v := d.verdict(kafka.DiscardVerdict, a, time.Now())
	v.Offset, v.Why = a.Offset, why
	if err := kafka.GiveVerdicts(ctx, d.Kafka, v); err != nil {
		return Settled{}, err
	}
	return d.await(ctx, a, patience, func(head clickhouse.ParkedAggregate) bool { return head.Offset > a.Offset && head.Cause != "" })
}

func (d Desk) verdict(kind kafka.VerdictKind, a clickhouse.ParkedAggregate, now time.Time) kafka.Verdict {
	return kafka.Verdict{
		Kind: kind, Context: a.Context, View: a.View, Aggregate: a.Aggregate, ID: a.ID, Partition: a.Partition, At: now.UTC(), By: d.Who,
	}
}

// await waits until nothing of an aggregate is parked, or its first event says that it was tried.
func (d Desk) await(ctx context.Context, a clickhouse.ParkedAggregate, patience time.Duration, tried func(head clickhouse.ParkedAggregate) bool) (Settled, error) {
	settled := Settled{ParkedAggregate: a}
	for began := time.Now(); ; {
		now, err := d.DB.ParkedAggregates(ctx, clickhouse.ParkedFilter{
			View: a.View, Generation: int(a.Generation), Context: a.Context, Partition: &a.Partition, Aggregate: a.Aggregate, ID: a.ID,
		})
		if err != nil {
			return settled, err
		}
		if len(now) == 0 {
			return settled, nil
		}
		if tried(now[0]) {
			settled.Left, settled.Cause = int(now[0].Events), now[0].Cause
			return settled, nil
		}
		if time.Since(began) > patience {
			return settled, fmt.Errorf("%s %s in view %s: %w within %v: do projectors run that keep this view? What was decided stands, and one that is started hears it",
				a.Aggregate, a.ID, a.View, ErrUnheard, patience)
		}
		select {
		case <-ctx.Done():
			return settled, ctx.Err()
		case <-time.After(askPause):
		}
	}
}
