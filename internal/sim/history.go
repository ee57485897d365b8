package sim

import (
	"fmt"
	"strings"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/serde"
)

// contextName is the bounded context that is simulated.
const contextName = "bank"

// history is everything a run left behind that others can see.
type history struct {
	frames *serde.Codec
	topics [2]engine.Topic // by channel
	// eventsID and snapshotsID are the incarnations of these topics.
	eventsID, snapshotsID es.ID
	parts                 []*partitionLog
	// breaks names the commands that were made to break, by command ID, with the reason their dead letters must give.
	breaks map[string]string
	told   []told
	stores []storeCopy
}

// partitionLog is what the topics of one partition hold, as read_committed shows it.
type partitionLog struct {
	inputs                        [2][]record // by channel
	events, refusals, deadLetters []record
	snapshots                     []record // those that compaction has left
	eventsEnd, refusalsEnd        int64    // where the logs end, the last markers included
}

// record is a committed record.
type record struct {
	offset     int64
	key, value []byte
	headers    []engine.Header
}

func (r record) header(key string) (string, bool) {
	for _, h := range r.headers {
		if h.Key == key {
			return string(h.Value), true
		}
	}
	return "", false
}

// told is an answer that a caller was given.
type told struct {
	engine.Answer
	position string // of its last event; empty where it had none
}

// storeCopy is what one worker's disk holds of one partition at the end.
type storeCopy struct {
	owner     string // for people
	partition int32
	reader    engine.Reader
}

// books is a history, decoded.
type books struct {
	*history
	events   [][]event // by partition, in the order of the log
	refusals [][]refusal
	inputs   map[source]*input
	lanes    []source // of inputs: partition by partition, channel by channel, by offset
}

// source is the place of an input.
type source struct {
	partition int32
	channel   engine.Channel
	offset    int64
}

func (s source) String() string {
	return fmt.Sprintf("%s/%d@%d", [...]string{engine.Commands: "commands", engine.Dispatch: "dispatch"}[s.channel], s.partition, s.offset)
}

// input is a record of a channel, and everything that the log says was made of it.
type input struct {
	record
	source
	engine.Command
	undecodable error

	events   []event
	refusals []refusal
	letters  []record
}

type event struct {
	engine.Event
	record
	schema es.Hash
}

type refusal struct {
	record
	es.Rejection
	meta      es.Meta
	aggregate string
}

// name tells aggregates of different types with one ID apart.
func (e event) name() string { return e.Aggregate.Name() + "/" + e.Meta.AggregateID }

// read decodes h. What can't be decoded is a breach of its own: events are facts, and somebody wrote an unreadable one.
func read(h *history) (*books, error) {
	b := &books{history: h, inputs: map[source]*input{}}
	b.readInputs()
	if err := b.readOutputs(); err != nil {
		return nil, err
	}
	return b, b.attach()
}

func (b *books) readInputs() {
	codec := b.frames.Context(contextName)
	for n, p := range b.parts {
		for channel, records := range p.inputs {
			for _, r := range records {
				in := &input{record: r, source: source{int32(n), engine.Channel(channel), r.offset}}
				in.Command, in.undecodable = codec.DecodeCommand(r.value)
				b.inputs[in.source] = in
				b.lanes = append(b.lanes, in.source)
			}
		}
	}
}

func (b *books) readOutputs() error {
	codec := b.frames.Context(contextName)
	for n, p := range b.parts {
		var events []event
		for _, r := range p.events {
			decoded, err := codec.DecodeEvent(r.value)
			if err != nil {
				return fmt.Errorf("events/%d@%d: %w", n, r.offset, err)
			}
			schema, err := b.frames.Fingerprint(r.value)
			if err != nil {
				return fmt.Errorf("events/%d@%d: %w", n, r.offset, err)
			}
			events = append(events, event{decoded, r, schema})
		}
		var refusals []refusal
		for _, r := range p.refusals {
			meta, rejection, aggregate, err := codec.DecodeRefusal(r.value)
			if err != nil {
				return fmt.Errorf("refusals/%d@%d: %w", n, r.offset, err)
			}
			refusals = append(refusals, refusal{r, rejection, meta, aggregate})
		}
		b.events, b.refusals = append(b.events, events), append(b.refusals, refusals)
	}
	return nil
}

// attach gives each input what came of it. A record that names no input came from nowhere.
func (b *books) attach() error {
	for n := range b.parts {
		for _, e := range b.events[n] {
			in := b.inputs[b.sourceOf(e.Meta.Source)]
			if in == nil {
				return fmt.Errorf("events/%d@%d comes from an input that is not there: %+v", n, e.offset, e.Meta.Source)
			}
			in.events = append(in.events, e)
		}
		for _, r := range b.refusals[n] {
			in := b.inputs[b.sourceOf(r.meta.Source)]
			if in == nil {
				return fmt.Errorf("refusals/%d@%d comes from an input that is not there: %+v", n, r.offset, r.meta.Source)
			}
			in.refusals = append(in.refusals, r)
		}
		for _, letter := range b.parts[n].deadLetters {
			in := b.origin(letter)
			if in == nil {
				return fmt.Errorf("dead-letters/%d@%d comes from an input that is not there", n, letter.offset)
			}
			in.letters = append(in.letters, letter)
		}
	}
	return nil
}

func (b *books) sourceOf(s es.Source) source {
	for c, t := range b.topics {
		if s.Topic == t.Name && s.Incarnation == t.ID {
			return source{s.Partition, engine.Channel(c), s.Offset}
		}
	}
	return source{partition: -1}
}

// origin finds the input of a dead letter by its header "topic/partition@offset".
func (b *books) origin(letter record) *input {
	at, _ := letter.header(engine.HeaderOrigin)
	for c, t := range b.topics {
		s := source{channel: engine.Channel(c)}
		if rest, is := strings.CutPrefix(at, t.Name+"/"); is {
			if _, err := fmt.Sscanf(rest, "%d@%d", &s.partition, &s.offset); err == nil {
				return b.inputs[s]
			}
		}
	}
	return nil
}
