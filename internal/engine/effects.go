package engine

import (
	"recount/internal/es"
)

// Channel is one of the two topics a partition's commands come from. Each is taken strictly by offset; how the two interleave is free.
type Channel int

// The channels.
const (
	Commands Channel = iota // from producers
	Dispatch                // from sagas, and forwarded ones
	channels
)

// Header is a record's header.
type Header struct {
	Key   string
	Value []byte
}

// Input is one record of a channel.
type Input struct {
	Channel    Channel
	Offset     int64
	Key, Value []byte
	Headers    []Header
	// Carried are headers that everything made of this input bears, for who follows it on its way; to the engine they mean
	// nothing. nil, as for nearly all: nobody follows it.
	Carried []Header
}

// Record is one to be published. The list it stands in says which topic.
type Record struct {
	Context    string // of the topic; empty: the partition's own
	Partition  int32
	Key, Value []byte
	Headers    []Header
}

// size is how many bytes the record has, beside what a batch takes to say so.
func (r *Record) size() int {
	size := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		size += len(h.Key) + len(h.Value)
	}
	return size
}

// Headers the engine writes.
const (
	HeaderForwarded = "recount-forwarded" // on a forwarded command: the partition count it was forwarded under
	HeaderReason    = "recount-reason"    // on a dead letter: a stable code
	HeaderDetail    = "recount-detail"    // on a dead letter: what happened, for people
	HeaderOrigin    = "recount-origin"    // on a dead letter: topic/partition@offset
	HeaderTopicID   = "recount-topic-id"  // on a dead letter: the incarnation of that topic
)

// Reasons of dead letters. Stable codes.
const (
	ReasonUndecodable    = "undecodable"     // the frame or its meta could not be read
	ReasonUnknownSchema  = "unknown-schema"  // the frame names a schema that no registry knows
	ReasonUnknownCommand = "unknown-command" // a readable record that is no command of this context
	ReasonMisplaced      = "misplaced"       // forwarded once and still in the wrong partition
	ReasonPanic          = "decide-panicked" // Decide has a bug
	ReasonTooLarge       = "event-too-large" // an event, or a command of a process, over the size limit
	ReasonUnencodable    = "unencodable"     // an event, or a command of a process, that its schema has no form for
)

// Answer is the outcome of one command, for those who wait for it.
type Answer struct {
	Meta    es.CommandMeta
	Command string // wire name
	Outcome es.Outcome
	Code    string // of a refusal or failure
	Detail  string
	// Version is the aggregate's version afterwards.
	Version int64
	// Duplicate says that the command was decided before, and this is the recorded outcome again.
	Duplicate bool
	// FirstEvent and Events are the place of the command's events in Effects.Events.
	FirstEvent, Events int
}

// Followed is how an input with Carried headers ended. One that was skipped, passed over or forwarded has none.
type Followed struct {
	Channel   Channel
	Offset    int64
	Aggregate string // type name; empty where the input could not be read
	Answer
}

// Write is a value for the store.
type Write struct{ Key, Value []byte }

// Effects is everything a batch asks of the outside world.
type Effects struct {
	Events      []Record
	Refusals    []Record
	Inbox       []Record
	Dispatch    []Record
	Snapshots   []Record
	DeadLetters []Record
	Replies     []Answer
	// Followed are in the order of the inputs.
	Followed []Followed
	// Progress is what instances of sagas have come to.
	Progress []Progress
	// Writes and Deletes are what a part of a checkpoint changes in the store. A step has none: States and Flush return,
	// once for many steps, what the store needs of them.
	Writes  []Write
	Deletes [][]byte
	// Next is the offset to commit for each channel; -1 where the batch had no record of it.
	Next [channels]int64
	// Counts of what happened, for metrics.
	Counts Counts

	change change
	buf    []byte // keys and values of the records
}

// Counts says how a batch's commands ended.
type Counts struct {
	Accepted, Unchanged, Failed int
	Refused                     map[string]int // by code
	Duplicates                  int            // answered from the dedup window
	Skipped                     int            // below the watermark: decided before
	Forwarded                   int
	DeadLetters                 map[string]int // by reason; nil: none
	Passed                      int            // events that no process waits for
	Ticks                       int            // timers that were due
	CacheHits, CacheMisses      int            // aggregates that were in memory, and that had to be looked for in the store
}

// Add adds the counts of another batch.
func (c *Counts) Add(o Counts) {
	c.Accepted += o.Accepted
	c.Unchanged += o.Unchanged
	c.Failed += o.Failed
	c.Duplicates += o.Duplicates
	c.Skipped += o.Skipped
	c.Forwarded += o.Forwarded
	c.Passed += o.Passed
	c.Ticks += o.Ticks
	c.CacheHits += o.CacheHits
	c.CacheMisses += o.CacheMisses
	for code, n := range o.Refused {
		c.Refused[code] += n
	}
	for reason, n := range o.DeadLetters {
		c.deadLetters(reason, n)
	}
}

func (c *Counts) deadLetters(reason string, n int) {
	if c.DeadLetters == nil { // they are rare
		c.DeadLetters = map[string]int{}
	}
	c.DeadLetters[reason] += n
}
