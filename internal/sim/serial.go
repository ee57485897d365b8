package sim

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/partition"
)

// serially replays the inputs one at a time, with a model that knows no batches, no stores and no crashes, and compares
// what it makes of each with what the log says. Commands of one channel are taken by offset; how the two channels
// interleave is free, and taken from the versions that the log gives.
func (b *books) serially() []string {
	m := model{books: b, lanes: map[string]*lane{}, sent: map[string]int{}, got: map[string]int{}}
	for _, at := range b.lanes {
		m.place(b.inputs[at])
	}
	for value, n := range m.sent {
		if got := m.got[value]; got != n {
			m.fault("a misplaced command lies in the wrong partition %d times and was forwarded %d times", n, got)
		}
	}
	for _, name := range sortedKeys(m.lanes) {
		m.run(m.lanes[name])
	}
	return m.faults
}

// model executes serially.
type model struct {
	*books
	lanes     map[string]*lane // by aggregate
	sent, got map[string]int   // misplaced commands and forwarded ones, by value
	faults    []string
}

// lane is one aggregate: what is asked of it, by channel, and what has become of it.
type lane struct {
	name    string
	queues  [2][]*input
	state   any
	version int64
	known   map[string]int64 // decided commands' IDs → the hashes of their bodies
}

func (m *model) fault(format string, args ...any) {
	m.faults = append(m.faults, fmt.Sprintf(format, args...))
}

// place sorts an input into its aggregate's lane, or judges it at once if it never gets that far.
func (m *model) place(in *input) {
	_, forwarded := in.header(engine.HeaderForwarded)
	if forwarded {
		m.got[string(in.value)]++
	}
	home := partition.Of(in.Meta.AggregateID, int32(len(m.parts)))
	switch {
	case !in.HasMeta || in.Meta.AggregateID == "" || in.Meta.CommandID == "":
		m.expectLetter(in, "")
	case home != in.partition && forwarded:
		m.expectFailure(in, engine.ReasonMisplaced)
	case home != in.partition:
		m.sent[string(in.value)]++
		m.expectNothing(in, "is forwarded")
	case in.undecodable != nil:
		m.expectFailure(in, "")
	default:
		m.queue(in)
	}
}

func (m *model) queue(in *input) {
	name := in.Aggregate.Name() + "/" + in.Meta.AggregateID
	l := m.lanes[name]
	if l == nil {
		l = &lane{name: name, state: in.Aggregate.Zero(), known: map[string]int64{}}
		m.lanes[name] = l
	}
	l.queues[in.channel] = append(l.queues[in.channel], in)
}

// run takes the heads of a lane's two queues, whichever can be next, until nothing is left. What leaves the version as
// it is goes first: it may have been decided at this version, and at no later one.
func (m *model) run(l *lane) {
	for len(l.queues[0])+len(l.queues[1]) > 0 {
		if m.advance(l, false) || m.advance(l, true) {
			continue
		}
		for _, queue := range l.queues {
			if len(queue) > 0 {
				m.fault("%s is at version %d, and what became of %s can't be next: %s", l.name, l.version, queue[0].source, queue[0].fate())
			}
		}
		return
	}
}

// advance takes one head, one that makes events or one that makes none.
func (m *model) advance(l *lane, makes bool) bool {
	for c := range l.queues {
		if len(l.queues[c]) == 0 {
			continue
		}
		if in := l.queues[c][0]; len(in.events) > 0 == makes && m.take(l, in) {
			l.queues[c] = l.queues[c][1:]
			return true
		}
	}
	return false
}

// fate says what the log has of an input.
func (in *input) fate() string {
	var out []string
	for _, e := range in.events {
		out = append(out, "version "+strconv.FormatInt(e.Meta.Version, 10)+" "+e.Type)
	}
	for _, r := range in.refusals {
		out = append(out, fmt.Sprintf("%s %s at version %d", r.Outcome, r.Code, r.meta.Version))
	}
	if len(in.letters) > 0 {
		out = append(out, fmt.Sprintf("%d dead letters", len(in.letters)))
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, ", ")
}

// take executes in if it can be next, and reports whether it was.
func (m *model) take(l *lane, in *input) bool {
	if hash, again := l.known[in.Meta.CommandID]; again {
		if hash == in.Hash {
			m.expectNothing(in, "repeats a decided command")
		} else {
			m.expectRefusal(in, es.Refused, string(es.CommandIDReused))
		}
		return true
	}
	switch {
	case m.breaks[in.Meta.CommandID] != "":
		m.expectFailure(in, m.breaks[in.Meta.CommandID])
		return true // and is not remembered
	case len(in.events) > 0 && in.events[0].Meta.Version != l.version+1:
		return false
	case len(in.events) == 0 && (len(in.refusals) == 0 || in.refusals[0].meta.Version != l.version):
		return false
	}
	m.decide(l, in)
	l.known[in.Meta.CommandID] = in.Hash
	return true
}

// decide asks the domain, and compares.
func (m *model) decide(l *lane, in *input) {
	if want := in.Meta.ExpectedVersion; want != nil && *want != l.version {
		m.expectRefusal(in, es.Refused, string(es.VersionConflict))
		return
	}
	made, err := in.Aggregate.Decide(l.state, in.Body, nil)
	var no es.Refusal
	switch {
	case errors.As(err, &no):
		m.expectRefusal(in, es.Refused, string(no))
	case err != nil:
		m.fault("%s: %v", in.source, err)
	case len(made) == 0:
		m.expectRefusal(in, es.Unchanged, "")
	default:
		m.expectEvents(l, in, made)
	}
	for _, e := range made {
		l.state = in.Aggregate.Evolve(l.state, e)
	}
	l.version += int64(len(made))
}

func (m *model) expectEvents(l *lane, in *input, made []any) {
	if len(in.events) != len(made) || len(in.refusals)+len(in.letters) > 0 {
		m.fault("%s of %s should make %d events, the log has: %s", in.source, l.name, len(made), in.fate())
		return
	}
	for i, e := range in.events {
		switch {
		case !reflect.DeepEqual(e.Body, made[i]):
			m.fault("%s of %s should make %+v, the log has %+v", in.source, l.name, made[i], e.Body)
		case e.Meta.CommandID != in.Meta.CommandID || e.Meta.CommandHash != in.Hash:
			m.fault("%s of %s: its event does not name it: %+v", in.source, l.name, e.Meta)
		}
	}
}

func (m *model) expectRefusal(in *input, outcome es.Outcome, code string) {
	if len(in.events)+len(in.letters) > 0 || len(in.refusals) != 1 || in.refusals[0].Outcome != outcome || in.refusals[0].Code != code {
		m.fault("%s of %s should be %s %s, the log has: %s", in.source, in.Meta.AggregateID, outcome, code, in.fate())
	}
}

func (m *model) expectNothing(in *input, why string) {
	if len(in.events)+len(in.refusals)+len(in.letters) > 0 {
		m.fault("%s %s and should leave nothing, the log has: %s", in.source, why, in.fate())
	}
}

// expectLetter: one dead letter, for a reason if one is given.
func (m *model) expectLetter(in *input, reason string) {
	if len(in.events)+len(in.refusals) > 0 || len(in.letters) != 1 {
		m.fault("%s can't be decided and should be one dead letter, the log has: %s", in.source, in.fate())
		return
	}
	if got, _ := in.letters[0].header(engine.HeaderReason); reason != "" && got != reason {
		m.fault("%s is a dead letter for %s, not for %s", in.source, got, reason)
	}
}

// expectFailure: a dead letter, and an outcome for those who wait.
func (m *model) expectFailure(in *input, reason string) {
	if len(in.refusals) != 1 || in.refusals[0].Outcome != es.Failed {
		m.fault("%s breaks and should have failed, the log has: %s", in.source, in.fate())
		return
	}
	bare := *in
	bare.refusals = nil
	m.expectLetter(&bare, reason)
}
