package saga

import "recount/internal/es"

// Fate is what became of one sending of a command.
type Fate string

// The fates. A sending goes down this list: it is under way, perhaps accepted, and then one of the others.
const (
	UnderWay     Fate = "under way" // whether it was done, only its answer tells
	TakenOn      Fate = "accepted"  // the event that answers it is awaited
	Done         Fate = "done"
	Skipped      Fate = "skipped" // the step had nothing to send
	SaidNo       Fate = "refused"
	Broke        Fate = "failed"
	NeedsSomeone Fate = "stuck" // refused or failed, and only an operator helps
)

// Sending is one sending of one command of an instance, and what became of it.
type Sending struct {
	es.Attempt
	// Target is "<aggregate type>/<aggregate ID>".
	Target string
	// Sent and Answered are the places in the history of the event that sent it and of that which tells its fate; Answered
	// is -1 while none does.
	Sent, Answered int
	Fate           Fate
	// Code and Detail are of a refusal or failure.
	Code, Detail string
	// RetryAt is when what failed is sent again, Unix milliseconds; 0: not by itself.
	RetryAt int64
}

// Path returns what an instance sent, in order, each with its fate. events are the bodies of its history, oldest first.
func Path(events []any) []Sending {
	var p path
	for i, event := range events {
		p.follow(i, event)
	}
	return p
}

type path []Sending

func (p *path) follow(at int, event any) {
	switch e := event.(type) {
	case StepRequested:
		*p = append(*p, Sending{
			Attempt: es.Attempt{Step: e.Step, Leg: e.Leg, Undo: e.Undo, Number: e.Attempt},
			Target:  e.Target, Sent: at, Answered: -1, Fate: UnderWay,
		})
	case StepSkipped:
		*p = append(*p, Sending{Attempt: es.Attempt{Step: e.Step, Leg: -1}, Sent: at, Answered: at, Fate: Skipped})
	case StepAccepted:
		p.answer(e.Step, e.Leg, false, func(s *Sending) { s.Answered, s.Fate = at, TakenOn })
	case StepSucceeded:
		p.answer(e.Step, e.Leg, e.Undo, func(s *Sending) { s.Answered, s.Fate, s.Code, s.Detail, s.RetryAt = at, Done, "", "", 0 })
	case StepRefused:
		p.answer(e.Step, e.Leg, e.Undo, func(s *Sending) { s.Answered, s.Fate, s.Code, s.Detail = at, SaidNo, e.Code, e.Detail })
	case StepFailed:
		p.answer(e.Step, e.Leg, e.Undo, func(s *Sending) {
			s.Answered, s.Fate, s.Code, s.Detail, s.RetryAt = at, Broke, e.Code, e.Detail, e.RetryAt
		})
	case Stuck:
		p.answer(e.Step, e.Leg, e.Undo, func(s *Sending) { s.Fate, s.RetryAt = NeedsSomeone, 0 })
	}
}

// answer changes the last sending of a leg. A history has an answer only to what it sent.
func (p *path) answer(step string, leg int32, undo bool, change func(*Sending)) {
	for i := len(*p) - 1; i >= 0; i-- {
		if s := &(*p)[i]; s.Step == step && s.Leg == leg && s.Undo == undo {
			change(s)
			return
		}
	}
}
