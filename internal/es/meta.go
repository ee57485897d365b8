package es

import (
	"encoding/hex"
)

// Hash is a SHA-256 sum: a link of an aggregate's chain.
type Hash [32]byte

// String returns the sum in hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// ID is a 128-bit identifier: an event's, or a topic's incarnation. It prints as a UUID.
type ID [16]byte

// String returns the ID in the form of a UUID.
func (id ID) String() string {
	var b [36]byte
	hex.Encode(b[0:8], id[0:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:36], id[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// Source is the place of the command that caused a record: Offset in Partition of one incarnation of Topic.
// A topic that was deleted and made again has another incarnation, so its offsets are never mistaken for the old ones.
type Source struct {
	Topic       string `avro:"topic"`
	Incarnation ID     `avro:"incarnation"`
	Partition   int32  `avro:"partition"`
	Offset      int64  `avro:"offset"`
}

// Meta is the first field of every event and refusal. Times are Unix milliseconds.
type Meta struct {
	// Chain is SHA-256 over the aggregate's previous chain, the schema's fingerprint and this body with the chain zeroed.
	Chain Hash `avro:"chain"`
	// EventID is derived from aggregate, command ID and index: deciding again yields the same ID.
	EventID ID `avro:"event_id"`
	// AggregateID is unique within its aggregate type.
	AggregateID string `avro:"aggregate_id"`
	// Version is the event's position in its aggregate: 1, 2, 3 … In a refusal it is the version refused at.
	Version       int64  `avro:"version"`
	CommandID     string `avro:"command_id"`
	CorrelationID string `avro:"correlation_id"`
	CausationID   string `avro:"causation_id"`
	Actor         string `avro:"actor"`
	Source        Source `avro:"source"`
	// CommandHash is a 64-bit hash over the command's type, data, expected version and given valid_at.
	CommandHash int64 `avro:"command_hash"`
	// ValidAt is when it is true in the world: given by the command, else RecordedAt.
	ValidAt int64 `avro:"valid_at"`
	// RecordedAt is stamped by the runtime, never earlier than the partition's previous one.
	RecordedAt int64 `avro:"recorded_at"`
}

// CommandMeta is the first field of every command. Times are Unix milliseconds.
type CommandMeta struct {
	CommandID     string `avro:"command_id"`
	AggregateID   string `avro:"aggregate_id"`
	CorrelationID string `avro:"correlation_id"`
	CausationID   string `avro:"causation_id"`
	Actor         string `avro:"actor"`
	// ExpectedVersion, if given, refuses the command unless the aggregate is at that version (0: not there yet).
	ExpectedVersion *int64 `avro:"expected_version"`
	// ValidAt, if given, becomes the events' ValidAt: a back-dated entry.
	ValidAt *int64 `avro:"valid_at"`
	// ReplyTo is "<ingest instance>/<address>": who waits for the outcome, and which of its requests. The reply's key is
	// this, letter for letter. Empty: nobody waits.
	ReplyTo string `avro:"reply_to"`
	// ProcessID is "<ctx>/<saga>/<id>": the outcome goes to that process's inbox; empty: no process asks.
	ProcessID string `avro:"process_id"`
}

// Outcome is how a command ended.
type Outcome string

// The outcomes. Their strings are wire names.
const (
	Accepted  Outcome = "accepted"  // events were recorded
	Unchanged Outcome = "unchanged" // accepted, and there was nothing to change
	Refused   Outcome = "refused"   // the domain said no
	Failed    Outcome = "failed"    // something broke: the command is in the dead letters
)

// Refusals the engine itself gives, whatever the domain.
const (
	VersionConflict Refusal = "version-conflict"
	CommandIDReused Refusal = "command-id-reused"
)
