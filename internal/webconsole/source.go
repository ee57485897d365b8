package webconsole

import (
	"context"
	"time"

	"recount/internal/es"
	"recount/internal/worker/inspect"
)

// Source is asked for what the pages show. It is used by many requests at a time. Errors are shown to people as they are:
// they say what was asked, and what to do, and hold no secret.
type Source interface {
	// Overview says how everything stands. A part that can't be asked is one of its warnings.
	Overview(ctx context.Context) Overview
	// History returns the whole history of an aggregate, without steps where nobody has written it.
	History(ctx context.Context, context string, of es.AggregateType, id string) (*inspect.Timeline, error)
	// Process returns the whole history of a saga's instance, in the same way.
	Process(ctx context.Context, context string, of es.Process, id string) (*inspect.Timeline, error)
	// Data returns the data of a recorded event as JSON.
	Data(ctx context.Context, context string, stream es.Stream, frame []byte) (string, error)
	// Newest returns the events that were recorded last, newest first, at most limit.
	Newest(ctx context.Context, limit int) ([]Record, error)
	// Trace returns what belongs to a cause, oldest first, at most limit.
	Trace(ctx context.Context, of Cause, limit int) ([]Record, error)
	// Instances returns instances of sagas, those that are stuck first, then those that have not ended, the newest of each
	// first, at most limit.
	Instances(ctx context.Context, limit int) ([]Instance, error)
	// Generations returns every generation of every view that was not dropped, as far as they could be asked, with the error
	// that kept the rest.
	Generations(ctx context.Context) ([]Generation, error)
}

// Overview is how everything stands: the facts of recount status.
type Overview struct {
	At       time.Time
	Parts    []Part
	Warnings []Warning
}

// Part is a part of an overview: marks, or a table.
type Part struct {
	Heading string
	Marks   []Mark
	Columns []Column
	Rows    [][]string
}

// Mark says whether something holds.
type Mark struct {
	Holds bool
	Text  string
}

// Column is one of a table's columns.
type Column struct {
	Title  string
	Number bool
}

// Warning is something that needs somebody, and what to do about it.
type Warning struct{ Code, Text, Do string }

// Cause is what records have in common: exactly one of the two.
type Cause struct {
	// Correlation is shared by everything that follows from one request, Command by the events of one command.
	Correlation, Command string
}

// Kind is what a record is of.
type Kind string

// The kinds of records.
const (
	KindEvent   Kind = "event"
	KindRefusal Kind = "refusal"
	KindSaga    Kind = "saga"
)

// Record is something that was recorded: an event, a command without one, or a step of a saga.
type Record struct {
	Kind     Kind
	Recorded time.Time
	// Context, Type and ID name the aggregate, or the saga's instance.
	Context, Type, ID string
	Version           int64
	// What is the event's type, or the refused command's; Detail says more, for people.
	What, Detail          string
	CommandID, Actor      string
	Position, Correlation string
}

// Instance is one instance of a saga.
type Instance struct {
	Context, Saga, ID string
	// State and Step are where it is; Code and Detail what went wrong last.
	State, Step, Code, Detail string
	Stuck, Ended              bool
	Started, Changed          time.Time
}

// Generation is one physical build of a view.
type Generation struct {
	View             string
	Number, Revision int
	// State is building, following, switching, serving or kept, and since when.
	State string
	Since time.Time
	// Done of Total offsets of the log are in it; Total is -1 where the log could not be asked.
	Done, Total int64
	// AtWork is who rebuilds, rolls back or mends the view; empty: nobody.
	AtWork string
}
