package estest

import (
	"errors"
	"slices"

	"pgregory.net/rapid"

	"recount/internal/es"
)

// Traffic is what is under way between instances of sagas and the aggregates that they look after: commands, answers and
// events. It comes in any order, twice, or breaks, as a property test draws it; only the events of one ID keep theirs, as in
// a log. An aggregate decides a command once, and remembers what it answered.
type Traffic struct {
	// Decide has the aggregate that a saga's command is for decide it. A refusal is an answer.
	Decide func(es.Request) error
	// Breaks has one command in so many break before it is decided, so that the saga must send it again; 0: none does.
	Breaks int

	routes  []*route
	decided map[string]es.Answered // by command ID
}

// route is one instance and what is under way from it and to it.
type route struct {
	*Instance
	waiting []es.Request
	answers []es.Answered
	events  []es.Happened
	told    int // commands that were put under way
	ignored int // inputs that changed nothing
}

const (
	rarely   = 10 // one in so many
	hardly   = 30
	turnsMax = 5_000
)

// Add puts an instance into the traffic, which is yet to be started by an event.
func (x *Traffic) Add(p es.Process, process string) *Instance {
	r := &route{Instance: NewInstance(p, process)}
	x.routes = append(x.routes, r)
	return r.Instance
}

// Ask has an aggregate decide a command, whoever asks, and tells the instances of its ID what happened.
func Ask[S es.Aggregate[S, C, E], C, E any](x *Traffic, a es.AggregateType, id string, state S, c C) (S, error) {
	after, events, err := es.Handle[S, C, E](state, c)
	for _, e := range events {
		x.happen(a, id, e)
	}
	return after, err
}

func (x *Traffic) happen(a es.AggregateType, id string, event any) {
	name := WireName(a, event)
	for _, r := range x.routes {
		if (es.Input{Process: r.process}).ID() == id && slices.Contains(r.p.Concerns(), a.Name()+"."+name) {
			r.events = append(r.events, es.Happened{Aggregate: a.Name(), Type: name, Event: event})
		}
	}
}

// Ended says whether every instance has, that was started.
func (x *Traffic) Ended() bool {
	return !slices.ContainsFunc(x.routes, func(r *route) bool {
		s := r.p.Standing(r.State)
		return s.Phase != "" && !s.Ended
	})
}

// Ignored is how many inputs changed nothing, because they came late or twice.
func (x *Traffic) Ignored() (n int) {
	for _, r := range x.routes {
		n += r.ignored
	}
	return n
}

// Run does what can come next until nothing can. As long as they have not had their say, others do something too, now and
// then and whenever nothing else can. An instance that is stuck is told to try again; a timer may come early.
func (x *Traffic) Run(t *rapid.T, hadTheirSay func() bool, others func(*rapid.T)) {
	for range turnsMax {
		can := x.next(t)
		if !hadTheirSay() && (len(can) == 0 || rapid.IntRange(1, rarely).Draw(t, "others") == rarely) {
			can = append(can, others)
		}
		for _, r := range x.routes {
			if len(can) == 0 && len(r.Timers()) > 0 {
				can = append(can, r.fire) // time passes
			}
		}
		if len(can) == 0 {
			return
		}
		can[rapid.IntRange(0, len(can)-1).Draw(t, "next")](t)
	}
	for _, r := range x.routes {
		t.Logf("%s: %+v", r.process, r.State)
	}
	t.Fatal("it does not end")
}

// next are the things that can come next.
func (x *Traffic) next(t *rapid.T) (can []func(*rapid.T)) {
	for _, r := range x.routes {
		if len(r.waiting) > 0 {
			can = append(can, func(t *rapid.T) { x.deliver(t, r) })
		}
		if len(r.answers) > 0 {
			can = append(can, r.answer)
		}
		if len(r.events) > 0 {
			can = append(can, r.hear)
		}
		if r.p.Standing(r.State).Stuck {
			can = append(can, func(t *rapid.T) { r.take(t, es.Ordered{Order: es.OrderRetry}) })
		}
		if len(r.Timers()) > 0 && rapid.IntRange(1, hardly).Draw(t, "a timer") == hardly {
			can = append(can, r.fire)
		}
	}
	return can
}

// deliver has a command decided, now and then twice, and now and then break.
func (x *Traffic) deliver(t *rapid.T, r *route) {
	i := rapid.IntRange(0, len(r.waiting)-1).Draw(t, "which command")
	request := r.waiting[i]
	r.waiting = slices.Delete(r.waiting, i, i+1)
	answer, known := x.decided[request.CommandID]
	if !known && x.Breaks > 0 && rapid.IntRange(1, x.Breaks).Draw(t, "breaks") == x.Breaks {
		// A dead letter: whoever sends it again must be the saga.
		r.waiting = slices.DeleteFunc(r.waiting, func(other es.Request) bool { return other.CommandID == request.CommandID })
		r.answers = append(r.answers, es.Answered{CommandID: request.CommandID, Outcome: es.Failed, Code: "decide-panicked"})
		return
	}
	if !known {
		answer = x.decide(t, request)
	}
	if rapid.IntRange(1, rarely).Draw(t, "again") == rarely {
		r.waiting = append(r.waiting, request)
	}
	r.answers = append(r.answers, answer)
}

// decide has an aggregate decide a command for the first time.
func (x *Traffic) decide(t *rapid.T, request es.Request) es.Answered {
	answer := es.Answered{CommandID: request.CommandID, Outcome: es.Accepted}
	var no es.Refusal
	if err := x.Decide(request); errors.As(err, &no) {
		answer.Outcome, answer.Code = es.Refused, string(no)
	} else if err != nil {
		t.Fatal(err)
	}
	if x.decided == nil {
		x.decided = map[string]es.Answered{}
	}
	x.decided[request.CommandID] = answer
	return answer
}

// answer gives the instance an outcome, now and then twice.
func (r *route) answer(t *rapid.T) {
	i := rapid.IntRange(0, len(r.answers)-1).Draw(t, "which answer")
	a := r.answers[i]
	if rapid.IntRange(1, rarely).Draw(t, "again") < rarely {
		r.answers = slices.Delete(r.answers, i, i+1)
	}
	r.take(t, a)
}

// hear gives the instance the next event of the log.
func (r *route) hear(t *rapid.T) {
	next := r.events[0]
	r.events = r.events[1:]
	r.take(t, next)
}

// fire gives the instance a timer that it waits for, early as it may be.
func (r *route) fire(t *rapid.T) {
	timers := r.Timers()
	r.take(t, es.Elapsed{Timer: timers[rapid.IntRange(0, len(timers)-1).Draw(t, "which timer")]})
}

// take gives the instance an input, and puts what it sends under way.
func (r *route) take(t *rapid.T, what es.Occurrence) {
	var refusal es.Refusal
	switch err := r.Take(what); {
	case errors.As(err, &refusal):
		r.ignored++
	case err != nil:
		t.Fatal(err)
	}
	r.waiting = append(r.waiting, r.Sent[r.told:]...)
	r.told = len(r.Sent)
}

// CheckFold says which instance has a history that folds to something else than its state.
func (x *Traffic) CheckFold() error {
	for _, r := range x.routes {
		if err := r.CheckFold(); err != nil {
			return err
		}
	}
	return nil
}
