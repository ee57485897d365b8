// Package script writes a bank's commands, good and bad, and what must come of each, known from the domain alone: the
// fold of one command after another. Equal seeds write equal scripts.
//
// Among the commands are repeated ones, used command IDs, wrong expectations, records that are none, and accounts whose
// producer uses another partitioner. It knows no broker and no clock.
package script

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"

	"recount/domain/bank/account"
	"recount/internal/es"
	"recount/internal/partition"
	"recount/internal/serde"
)

// Message is one command, as a record for the topic of commands and as a request.
type Message struct {
	Key, Value []byte
	Partition  int32
	Request    Request
}

// Request is what a caller says of a command to whoever makes the record of it. A message that is no command has none.
type Request struct {
	Type, ID, CommandID string
	Expected            *int64 // version; nil: any
	Data                []byte // JSON
	// Want is what the caller must be told.
	Want Answer
}

// Answer is what became of a command.
type Answer struct {
	Outcome es.Outcome
	Code    string
	// Version is the account's afterwards.
	Version int64
}

// Options say what a script is about.
type Options struct {
	Seed     uint64
	Accounts int
	// Prefix begins the accounts' IDs: scripts with different ones are about different accounts. Empty: "acct-".
	Prefix     string
	Partitions int32
	Codec      *serde.Codec
	// Repeatable leaves out what must not be sent again by a caller who got no answer: nothing tells one copy of a record
	// that is no command, or of a command under a used ID, from the other.
	Repeatable bool
}

// Script is written message by message. It is not safe for concurrent use.
type Script struct {
	o        Options
	random   *rand.Rand
	ledgers  []ledger
	expected Expected
}

// ledger is one account as the script knows it.
type ledger struct {
	id      string
	state   account.Account
	version int64
	sent    []command // the last ones that were decided, to be repeated
}

type command struct {
	id       string
	body     account.Command
	expected *int64
	frame    []byte
	want     Answer
}

const (
	sentMax = 40
	// strayEvery: of so many accounts one is written by a producer with another partitioner.
	strayEvery = 40
	currency   = "EUR"
)

// New begins a script.
func New(o Options) *Script {
	o.Prefix = cmp.Or(o.Prefix, "acct-")
	s := &Script{
		o: o, random: rand.New(rand.NewPCG(o.Seed, 1)), ledgers: make([]ledger, o.Accounts),
		expected: Expected{Events: map[string][]Event{}, Refusals: map[string][]Refusal{}, DeadLetters: map[string]int{}},
	}
	for n := range s.ledgers {
		s.ledgers[n].id = fmt.Sprintf("%s%05d", o.Prefix, n)
	}
	return s
}

// Expected is what must come of what was written so far. It is the script's own, and grows with it.
func (s *Script) Expected() *Expected { return &s.expected }

// Next writes one more message.
func (s *Script) Next() (Message, error) {
	n := s.random.IntN(len(s.ledgers))
	l := &s.ledgers[n]
	c, err := s.write(l)
	m := Message{Key: []byte(l.id), Value: c.frame, Partition: partition.Of(l.id, s.o.Partitions)}
	if err == nil && c.body != nil {
		m.Request, err = c.request(l)
	}
	if err != nil {
		return Message{}, fmt.Errorf("script: message %d: %w", s.expected.Messages, err)
	}
	if n%strayEvery == 0 && s.o.Partitions > 1 && !s.o.Repeatable {
		m.Partition = (m.Partition + 1) % s.o.Partitions
		s.expected.Forwarded++
	}
	s.expected.Messages++
	return m, nil
}

// write chooses what is sent, and notes what must come of it.
func (s *Script) write(l *ledger) (command, error) {
	switch roll := s.random.IntN(100); {
	case roll < 1 && !s.o.Repeatable:
		return command{frame: s.garbage()}, nil
	case roll < 6 && len(l.sent) > 0: // its outcome is known already: nothing more is recorded
		return l.sent[s.random.IntN(len(l.sent))], nil
	case roll < 7 && len(l.sent) > 0 && !s.o.Repeatable:
		return s.reuse(l)
	case roll < 8:
		return s.conflict(l)
	}
	return s.decide(l, s.body(l))
}

// garbage is no frame. Every piece is different, so that a lost one and a doubled one can't make up for each other.
func (s *Script) garbage() []byte {
	value := fmt.Appendf(nil, "no frame %d %x", s.expected.Messages, s.random.Uint64())
	s.expected.DeadLetters[string(value)]++
	return value
}

// reuse sends another command under the ID of an earlier one.
func (s *Script) reuse(l *ledger) (command, error) {
	c := command{id: l.sent[s.random.IntN(len(l.sent))].id, body: account.Freeze{Reason: fmt.Sprint("reused ", s.expected.Messages)}}
	c.want = s.refuse(l, c.id, es.Refused, string(es.CommandIDReused))
	return c, s.encode(l, &c)
}

// conflict expects a version that the account does not have.
func (s *Script) conflict(l *ledger) (command, error) {
	wrong := l.version + 1 + s.random.Int64N(5)
	c := command{id: s.commandID(), body: account.Deposit{Amount: 1, Currency: currency}, expected: &wrong}
	c.want = s.refuse(l, c.id, es.Refused, string(es.VersionConflict))
	return s.remembered(l, c)
}

// decide sends a new command, and has the domain say what comes of it.
func (s *Script) decide(l *ledger, body account.Command) (command, error) {
	c := command{id: s.commandID(), body: body}
	next, events, err := es.Handle(l.state, body)
	var no es.Refusal
	switch {
	case errors.As(err, &no):
		c.want = s.refuse(l, c.id, es.Refused, string(no))
	case err != nil:
		return command{}, err
	case len(events) == 0:
		c.want = s.refuse(l, c.id, es.Unchanged, "")
	default:
		c.want = Answer{Outcome: es.Accepted, Version: l.version + int64(len(events))}
	}
	for _, e := range events {
		s.expected.Events[l.id] = append(s.expected.Events[l.id], Event{c.id, e})
	}
	l.state, l.version = next, l.version+int64(len(events))
	return s.remembered(l, c)
}

// remembered encodes a command that may be repeated.
func (s *Script) remembered(l *ledger, c command) (command, error) {
	err := s.encode(l, &c)
	l.remember(c)
	return c, err
}

// refuse notes an outcome that leaves no event.
func (s *Script) refuse(l *ledger, id string, outcome es.Outcome, code string) Answer {
	s.expected.Refusals[l.id] = append(s.expected.Refusals[l.id], Refusal{id, outcome, code, l.version})
	return Answer{outcome, code, l.version}
}

// commandID is the message's number and chance: unique, and easy to find in a log.
func (s *Script) commandID() string {
	return fmt.Sprintf("c%07d-%08x", s.expected.Messages, s.random.Uint32())
}

func (l *ledger) remember(c command) {
	if len(l.sent) == sentMax {
		l.sent = append(l.sent[:0], l.sent[sentMax/2:]...)
	}
	l.sent = append(l.sent, c)
}
