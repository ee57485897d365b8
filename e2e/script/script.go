// Package script writes a bank's commands, good and bad, and what must come of each, known from the domain alone: the
// fold of one command after another. Equal seeds write equal scripts.
//
// Among the commands are repeated ones, used command IDs, wrong expectations, records that are none, and accounts whose
// producer uses another partitioner. It knows no broker and no clock.
package script

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"recount/domain/bank/account"
	"recount/internal/es"
	"recount/internal/partition"
	"recount/internal/serde"
)

// Message is one record for the topic of commands.
type Message struct {
	Key, Value []byte
	Partition  int32
}

// Script is written message by message. It is not safe for concurrent use.
type Script struct {
	codec      *serde.Codec
	partitions int32
	random     *rand.Rand
	ledgers    []ledger
	expected   Expected
}

// ledger is one account as the script knows it.
type ledger struct {
	id      string
	state   account.Account
	version int64
	sent    []command // the last ones that were decided, to be repeated
}

type command struct {
	id    string
	body  account.Command
	frame []byte
}

const (
	sentMax = 40
	// strayEvery: of so many accounts one is written by a producer with another partitioner.
	strayEvery = 40
	currency   = "EUR"
)

// New begins a script for a number of accounts.
func New(seed uint64, accounts int, partitions int32, codec *serde.Codec) *Script {
	s := &Script{
		codec: codec, partitions: partitions, random: rand.New(rand.NewPCG(seed, 1)), ledgers: make([]ledger, accounts),
		expected: Expected{Events: map[string][]Event{}, Refusals: map[string][]Refusal{}, DeadLetters: map[string]int{}},
	}
	for n := range s.ledgers {
		s.ledgers[n].id = fmt.Sprintf("acct-%05d", n)
	}
	return s
}

// Expected is what must come of what was written so far. It is the script's own, and grows with it.
func (s *Script) Expected() *Expected { return &s.expected }

// Next writes one more message.
func (s *Script) Next() (Message, error) {
	n := s.random.IntN(len(s.ledgers))
	l := &s.ledgers[n]
	frame, err := s.write(l)
	if err != nil {
		return Message{}, fmt.Errorf("script: message %d: %w", s.expected.Messages, err)
	}
	at := partition.Of(l.id, s.partitions)
	if n%strayEvery == 0 && s.partitions > 1 {
		at = (at + 1) % s.partitions
		s.expected.Forwarded++
	}
	s.expected.Messages++
	return Message{Key: []byte(l.id), Value: frame, Partition: at}, nil
}

// write chooses what is sent, and notes what must come of it.
func (s *Script) write(l *ledger) ([]byte, error) {
	switch roll := s.random.IntN(100); {
	case roll < 1:
		return s.garbage(), nil
	case roll < 6 && len(l.sent) > 0: // its outcome is known already: nothing more is recorded
		return l.sent[s.random.IntN(len(l.sent))].frame, nil
	case roll < 7 && len(l.sent) > 0:
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
func (s *Script) reuse(l *ledger) ([]byte, error) {
	earlier := l.sent[s.random.IntN(len(l.sent))]
	s.refuse(l, earlier.id, es.Refused, string(es.CommandIDReused))
	return s.encode(l, earlier.id, account.Freeze{Reason: fmt.Sprint("reused ", s.expected.Messages)}, nil)
}

// conflict expects a version that the account does not have.
func (s *Script) conflict(l *ledger) ([]byte, error) {
	id, wrong := s.commandID(), l.version+1+s.random.Int64N(5)
	body := account.Deposit{Amount: 1, Currency: currency}
	s.refuse(l, id, es.Refused, string(es.VersionConflict))
	frame, err := s.encode(l, id, body, &wrong)
	l.remember(command{id, body, frame})
	return frame, err
}

// decide sends a new command, and has the domain say what comes of it.
func (s *Script) decide(l *ledger, body account.Command) ([]byte, error) {
	id := s.commandID()
	next, events, err := es.Handle(l.state, body)
	var no es.Refusal
	switch {
	case errors.As(err, &no):
		s.refuse(l, id, es.Refused, string(no))
	case err != nil:
		return nil, err
	case len(events) == 0:
		s.refuse(l, id, es.Unchanged, "")
	}
	for _, e := range events {
		s.expected.Events[l.id] = append(s.expected.Events[l.id], Event{id, e})
	}
	l.state, l.version = next, l.version+int64(len(events))
	frame, err := s.encode(l, id, body, nil)
	l.remember(command{id, body, frame})
	return frame, err
}

func (s *Script) refuse(l *ledger, id string, outcome es.Outcome, code string) {
	s.expected.Refusals[l.id] = append(s.expected.Refusals[l.id], Refusal{id, outcome, code, l.version})
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
