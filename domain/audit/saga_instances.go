package audit

import (
	"fmt"

	"recount/internal/es"
	"recount/internal/es/saga"
)

// SagaChange is what one event of a saga's instance says, whatever the saga does.
type SagaChange struct {
	Context       string `ch:"context"`
	Saga          string `ch:"saga"`
	InstanceID    string `ch:"instance_id"`
	Version       uint64 `ch:"version"`
	ValidAt       int64  `ch:"valid_at,millis"`
	RecordedAt    int64  `ch:"recorded_at,millis"`
	Partition     int32  `ch:"partition"`
	Offset        int64  `ch:"offset"`
	EventType     string `ch:"event_type"`
	CorrelationID string `ch:"correlation_id"`
	Actor         string `ch:"actor"`
	// State is what the instance came to with this version; empty where it stayed what it was. A retry's is empty too: it
	// goes back to what the instance was before it was stuck.
	State string `ch:"state"`
	// Step, Leg and LegState are what the version says of one command of a step; empty where it is about none.
	Step     string `ch:"step"`
	Leg      int32  `ch:"leg"`
	LegState string `ch:"leg_state"`
	// Attempt is under which number the command was sent, or how often it has failed; Target is whom it was sent to.
	Attempt int32  `ch:"attempt"`
	Target  string `ch:"target"`
	// Due is when what the version waits for is tried or told; 0: it waits for nothing.
	Due    int64  `ch:"due,millis"`
	Timer  string `ch:"timer"`
	Code   string `ch:"code"`
	Detail string `ch:"detail"`
}

// SagaInstances is the view of every saga's instances, of every context that has any.
func SagaInstances() es.View {
	table := es.NewTable[SagaChange]("saga_instances")
	return es.View{
		Name:     "saga_instances",
		Revision: 1,
		From:     es.FromProcesses,
		Tables:   []es.AnyTable{table},
		Map: func(r es.Recorded, out *es.Rows) error {
			row := SagaChange{
				Context:       r.Context,
				Saga:          r.Aggregate,
				InstanceID:    r.Meta.AggregateID,
				Version:       uint64(r.Meta.Version),
				ValidAt:       r.Meta.ValidAt,
				RecordedAt:    r.Meta.RecordedAt,
				Partition:     r.Partition,
				Offset:        r.Offset,
				EventType:     r.Type,
				CorrelationID: r.Meta.CorrelationID,
				Actor:         r.Meta.Actor,
			}
			switch {
			case r.Event == nil:
				return fmt.Errorf("reading the record at %s/%d@%d: it is no event of a saga", r.Context, r.Partition, r.Offset)
			case r.Type == saga.StartedEvent: // whose body is each saga's own
				row.State = string(saga.Running)
			case !row.tell(r.Event) && !row.tellStep(r.Event):
				return fmt.Errorf("reading event %s of %s %s: %T is no event of a saga", r.Type, r.Aggregate, r.Meta.AggregateID, r.Event)
			}
			table.Append(out, row)
			return nil
		},
	}
}

// tell takes over an event that is about the instance as a whole.
func (c *SagaChange) tell(event any) bool {
	switch e := event.(type) {
	case saga.TimerSet:
		c.Timer, c.Due = e.Name, e.Due
	case saga.TimerFired:
		c.Timer = e.Name
	case saga.StopRequested:
		c.Step, c.Code, c.Detail = e.Step, e.Code, e.Detail
	case saga.CompensationStarted:
		c.State, c.Code = string(saga.Compensating), e.Code
	case saga.Retried:
		c.Actor, c.Detail = e.Actor, e.Reason
	case saga.Completed:
		c.State = string(saga.IsCompleted)
	case saga.Compensated:
		c.State, c.Code = string(saga.IsUndone), e.Code
	default:
		return false
	}
	return true
}

// tellStep takes over an event that is about one command of a step.
func (c *SagaChange) tellStep(event any) bool {
	leg := func(step string, leg int32, undo bool, back, forward saga.LegState) {
		c.Step, c.Leg, c.LegState = step, leg, string(forward)
		if undo {
			c.LegState = string(back)
		}
	}
	switch e := event.(type) {
	case saga.StepRequested:
		leg(e.Step, e.Leg, e.Undo, saga.LegUndoSent, saga.LegSent)
		c.Attempt, c.Target = e.Attempt, e.Target
	case saga.StepSkipped:
		leg(e.Step, -1, false, "", saga.LegDone)
	case saga.StepAccepted:
		leg(e.Step, e.Leg, false, "", saga.LegAccepted)
	case saga.StepSucceeded:
		leg(e.Step, e.Leg, e.Undo, saga.LegUndone, saga.LegDone)
	case saga.StepRefused:
		leg(e.Step, e.Leg, e.Undo, saga.LegUndoFailed, saga.LegRefused)
		c.Code, c.Detail = e.Code, e.Detail
	case saga.StepFailed:
		leg(e.Step, e.Leg, e.Undo, saga.LegUndoFailed, saga.LegFailed)
		if e.RetryAt != 0 {
			leg(e.Step, e.Leg, e.Undo, saga.LegUndoWaiting, saga.LegWaiting)
		}
		c.Attempt, c.Code, c.Detail, c.Due = e.Failure, e.Code, e.Detail, e.RetryAt
	case saga.Stuck:
		leg(e.Step, e.Leg, e.Undo, saga.LegUndoStuck, saga.LegStuck)
		c.State, c.Code = string(saga.StuckForward), e.Code
	default:
		return false
	}
	return true
}
