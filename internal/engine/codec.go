package engine

import (
	"errors"

	"recount/internal/es"
)

// Codec turns frames into values and back. internal/serde implements it; none of its methods does I/O.
type Codec interface {
	// DecodeCommand reads a command's frame. With an error, Command.Meta is still set if Command.HasMeta says so. Here as
	// in all that is decoded, the strings of a meta are part of value: copy what is kept. Those of a body are its own.
	DecodeCommand(value []byte) (Command, error)
	// AppendEvent appends the frame of event, with meta's chain as it is. body is where the Avro body starts in the result.
	AppendEvent(dst []byte, a es.AggregateType, meta *es.Meta, event any) (out []byte, body int, fingerprint es.Hash, err error)
	// DecodeEvent reads an event's frame, lifted to the newest version.
	DecodeEvent(value []byte) (Event, error)
	// DecodeEventMeta is DecodeEvent without the body: for events that are remembered, and not folded.
	DecodeEventMeta(value []byte) (Event, error)
	AppendRefusal(dst []byte, meta *es.Meta, r *es.Rejection) ([]byte, error)
	// DecodeRefusal also returns the type name of the aggregate that was commanded.
	DecodeRefusal(value []byte) (meta es.Meta, r es.Rejection, aggregate string, err error)
	// AppendOutcome appends the frame of an inbox record.
	AppendOutcome(dst []byte, a *Answer) ([]byte, error)
	AppendState(dst []byte, a es.AggregateType, state any) ([]byte, error)
	DecodeState(a es.AggregateType, value []byte) (any, error)
	AppendSnapshot(dst []byte, s *Snapshot) ([]byte, error)
	// DecodeSnapshot reads a snapshot, whose State is part of value.
	DecodeSnapshot(value []byte) (Snapshot, error)
	AppendMarker(dst []byte, m *Marker) ([]byte, error)
	DecodeMarker(value []byte) (Marker, error)
	// Fold identifies how a's states come about: a hash over its declared revision and its state's schema.
	Fold(a es.AggregateType) es.Hash
	// Aggregates are the types of this context.
	Aggregates() []es.AggregateType
}

// Errors a Codec's DecodeCommand wraps. Any other error means that the frame or its body could not be read.
var (
	ErrUnknownSchema  = errors.New("schema is not known to the registry")
	ErrUnknownCommand = errors.New("not a command of this context")
	// ErrNotConcerned says that a record is no input of any process: it is passed over.
	ErrNotConcerned = errors.New("no process waits for this event")
	// ErrUnreadableEvent stops the partition: an event is a fact, and a process that passed it over would not do its part.
	ErrUnreadableEvent = errors.New("an event can't be read")
)

// Command is a decoded command.
type Command struct {
	// HasMeta says that Meta could be read, whatever became of the rest.
	HasMeta   bool
	Meta      es.CommandMeta
	Aggregate es.AggregateType
	// Type is the wire name: "bank.account.deposit".
	Type string
	Body any
	// Hash is a 64-bit hash over type, data, expected version and given valid_at.
	Hash int64
}

// Event is a decoded event.
type Event struct {
	Meta      es.Meta
	Aggregate es.AggregateType
	// Type is the wire name in its aggregate: "FundsDeposited".
	Type string
	// SchemaVersion is the version it was written with.
	SchemaVersion int
	Body          any
}
