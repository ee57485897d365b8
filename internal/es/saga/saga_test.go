package saga_test

import (
	"fmt"
	"testing"

	"recount/internal/es"
	"recount/internal/es/estest"
	"recount/internal/es/saga"
)

// trip is the saga of these tests: book two legs of a journey, have it paid, confirm it.
type trip struct {
	To  string `avro:"to"`
	Pay bool   `avro:"pay"`
}

type (
	book    struct{ Seat int }
	release struct{ Seat int }
	charge  struct{}
	refund  struct{}
	confirm struct{}
	cancel  struct{ Why string }
	ordered struct{ Pay bool }
	paid    struct{}
	denied  struct{}
	stopped struct{}
)

func send(aggregate string, bodies ...any) []es.Command {
	var out []es.Command
	for _, b := range bodies {
		out = append(out, es.Command{Aggregate: aggregate, ID: "1", Body: b})
	}
	return out
}

func declaration() saga.Saga[trip] {
	return saga.Saga[trip]{
		Name:           "trip",
		Starts:         map[string]func(string, any) trip{"order.Ordered": func(id string, e any) trip { return trip{To: "Rome " + id, Pay: e.(ordered).Pay} }},
		Stops:          map[string]func(any) es.Refusal{"order.Stopped": func(any) es.Refusal { return "order/stopped" }},
		DeadlineMillis: 60_000,
		Steps: []saga.Step[trip]{
			{
				Name: "book",
				Do:   func(trip) []es.Command { return send("seat", book{0}, book{1}) },
				Undo: func(trip) []es.Command { return send("seat", release{0}, release{1}) },
			},
			{
				Name: "pay",
				Do: func(d trip) []es.Command {
					if !d.Pay {
						return nil
					}
					return send("payment", charge{})
				},
				Undo: func(d trip) []es.Command {
					if !d.Pay {
						return nil
					}
					return send("payment", refund{})
				},
				Await: map[string]func(any) es.Refusal{
					"payment.Paid":   func(any) es.Refusal { return "" },
					"payment.Denied": func(any) es.Refusal { return "payment/denied" },
				},
				DeadlineMillis: 10_000,
			},
			{Name: "confirm", Do: func(trip) []es.Command { return send("order", confirm{}) }, Final: true},
			{Name: "tell", Do: func(trip) []es.Command { return send("mail", confirm{}) }},
		},
		Abandon: func(_ trip, why saga.Reason) []es.Command { return send("order", cancel{why.Code}) },
		Retry:   saga.Retry{AttemptsMax: 2, FirstMillis: 5_000, MaxMillis: 5_000},
	}
}

// Inputs of these tests.

func start(pay bool) es.Occurrence {
	return es.Happened{Aggregate: "order", Type: "Ordered", Event: ordered{pay}}
}

func event(aggregate, name string, e any) es.Occurrence {
	return es.Happened{Aggregate: aggregate, Type: name, Event: e}
}

func id(step string, leg, number int32, undo bool) string {
	return es.Attempt{Step: step, Leg: leg, Undo: undo, Number: number}.CommandID(estest.ProcessID)
}

func answer(o es.Outcome, code, commandID string) es.Occurrence {
	return es.Answered{CommandID: commandID, Outcome: o, Code: code}
}

func yes(step string, leg int32) es.Occurrence {
	return answer(es.Accepted, "", id(step, leg, 1, false))
}
func no(step string, leg int32) es.Occurrence {
	return answer(es.Refused, "no", id(step, leg, 1, false))
}
func back(step string, leg int32) es.Occurrence {
	return answer(es.Accepted, "", id(step, leg, 1, true))
}
func tick(name string, due int64) es.Occurrence {
	return es.Elapsed{Timer: es.Timer{Name: name, Due: due}}
}

func request(step string, leg, number int32, undo bool, aggregate string, body any) es.Request {
	return es.Request{CommandID: id(step, leg, number, undo), ValidAt: estest.ProcessValidAt, Command: es.Command{Aggregate: aggregate, ID: "1", Body: body}}
}

func TestForward(t *testing.T) {
	t.Parallel()
	estest.RunProcess(t, saga.Declare(declaration()), []estest.ProcessCase{
		{
			Name: "the first step's commands are sent together",
			When: start(true),
			Then: []any{
				trip{"Rome 1", true}, saga.TimerSet{Name: "deadline", Due: 61_000},
				saga.StepRequested{Step: "book", Attempt: 1, At: 1_000, ValidAt: estest.ProcessValidAt, Target: "seat/1"},
				saga.StepRequested{Step: "book", Leg: 1, Attempt: 1, At: 1_000, ValidAt: estest.ProcessValidAt, Target: "seat/1"},
			},
			Sends: []es.Request{request("book", 0, 1, false, "seat", book{0}), request("book", 1, 1, false, "seat", book{1})},
		},
		{
			Name:  "a step waits for all of the one before",
			Given: []es.Occurrence{start(true)},
			When:  yes("book", 1),
			Then:  []any{saga.StepSucceeded{Step: "book", Leg: 1}},
		},
		{
			Name:  "the next step follows",
			Given: []es.Occurrence{start(true), yes("book", 1)},
			When:  yes("book", 0),
			Then: []any{
				saga.StepSucceeded{Step: "book"},
				saga.StepRequested{Step: "pay", Attempt: 1, At: 3_000, ValidAt: estest.ProcessValidAt, Target: "payment/1"},
				saga.TimerSet{Name: "step/pay", Due: 13_000},
			},
			Sends: []es.Request{request("pay", 0, 1, false, "payment", charge{})},
		},
		{
			Name:  "being accepted does not answer a step that awaits an event",
			Given: []es.Occurrence{start(true), yes("book", 0), yes("book", 1)},
			When:  yes("pay", 0),
			Then:  []any{saga.StepAccepted{Step: "pay"}},
		},
		{
			Name:  "the event may overtake the outcome",
			Given: []es.Occurrence{start(true), yes("book", 0), yes("book", 1)},
			When:  event("payment", "Paid", paid{}),
			Then: []any{
				saga.StepSucceeded{Step: "pay"},
				saga.StepRequested{Step: "confirm", Attempt: 1, At: 4_000, ValidAt: estest.ProcessValidAt, Target: "order/1"},
			},
			Sends: []es.Request{request("confirm", 0, 1, false, "order", confirm{})},
		},
		{
			Name:  "a step with nothing to do is skipped",
			Given: []es.Occurrence{start(false), yes("book", 0)},
			When:  yes("book", 1),
			Then: []any{
				saga.StepSucceeded{Step: "book", Leg: 1}, saga.StepSkipped{Step: "pay"},
				saga.StepRequested{Step: "confirm", Attempt: 1, At: 3_000, ValidAt: estest.ProcessValidAt, Target: "order/1"},
			},
			Sends: []es.Request{request("confirm", 0, 1, false, "order", confirm{})},
		},
		{
			Name:  "it completes",
			Given: []es.Occurrence{start(false), yes("book", 0), yes("book", 1), yes("confirm", 0)},
			When:  yes("tell", 0),
			Then:  []any{saga.StepSucceeded{Step: "tell"}, saga.Completed{}},
		},
	})
}

func TestBack(t *testing.T) {
	t.Parallel()
	atPay := []es.Occurrence{start(true), yes("book", 0), yes("book", 1)}
	with := func(more ...es.Occurrence) []es.Occurrence { return append(atPay[:len(atPay):len(atPay)], more...) }
	releases := []any{
		saga.StepRequested{Step: "book", Undo: true, Attempt: 1, At: 5_000, ValidAt: estest.ProcessValidAt, Target: "seat/1"},
		saga.StepRequested{Step: "book", Leg: 1, Undo: true, Attempt: 1, At: 5_000, ValidAt: estest.ProcessValidAt, Target: "seat/1"},
	}
	released := []es.Request{request("book", 0, 1, true, "seat", release{0}), request("book", 1, 1, true, "seat", release{1})}
	estest.RunProcess(t, saga.Declare(declaration()), []estest.ProcessCase{
		{
			Name:  "a refusal waits for what is under way: only its answer tells whether there is something to undo",
			Given: []es.Occurrence{start(true)},
			When:  no("book", 0),
			Then: []any{
				saga.StepRefused{Step: "book", Code: "no"}, saga.StopRequested{Code: "no", Step: "book"},
				saga.CompensationStarted{Code: "no"},
			},
		},
		{
			Name:  "only what was done is undone",
			Given: []es.Occurrence{start(true), no("book", 0)},
			When:  yes("book", 1),
			Then: []any{
				saga.StepSucceeded{Step: "book", Leg: 1},
				saga.StepRequested{Step: "book", Leg: 1, Undo: true, Attempt: 1, At: 3_000, ValidAt: estest.ProcessValidAt, Target: "seat/1"},
			},
			Sends: []es.Request{request("book", 1, 1, true, "seat", release{1})},
		},
		{
			Name:  "an event that refuses",
			Given: with(yes("pay", 0)),
			When:  event("payment", "Denied", denied{}),
			Then: append([]any{
				saga.StepRefused{Step: "pay", Code: "payment/denied"}, saga.StopRequested{Code: "payment/denied", Step: "pay"},
				saga.CompensationStarted{Code: "payment/denied"},
			}, releases...),
			Sends: released,
		},
		{
			Name:  "what was accepted and not answered in time is undone first",
			Given: with(yes("pay", 0)),
			When:  tick("step/pay", 13_000),
			Then: []any{
				saga.TimerFired{Name: "step/pay"}, saga.StopRequested{Code: saga.StepLate, Step: "pay"},
				saga.CompensationStarted{Code: saga.StepLate},
				saga.StepRequested{Step: "pay", Undo: true, Attempt: 1, At: 5_000, ValidAt: estest.ProcessValidAt, Target: "payment/1"},
			},
			Sends: []es.Request{request("pay", 0, 1, true, "payment", refund{})},
		},
		{
			Name:  "then what came before, in reverse",
			Given: with(yes("pay", 0), tick("step/pay", 13_000)),
			When:  back("pay", 0),
			Then: []any{
				saga.StepSucceeded{Step: "pay", Undo: true},
				saga.StepRequested{Step: "book", Undo: true, Attempt: 1, At: 6_000, ValidAt: estest.ProcessValidAt, Target: "seat/1"},
				saga.StepRequested{Step: "book", Leg: 1, Undo: true, Attempt: 1, At: 6_000, ValidAt: estest.ProcessValidAt, Target: "seat/1"},
			},
			Sends: released,
		},
	})
}

func TestWhatElseLeadsBack(t *testing.T) {
	t.Parallel()
	atPay := []es.Occurrence{start(true), yes("book", 0), yes("book", 1)}
	with := func(more es.Occurrence) []es.Occurrence { return append(atPay[:len(atPay):len(atPay)], more) }
	estest.RunProcess(t, saga.Declare(declaration()), []estest.ProcessCase{
		{
			Name:  "the deadline",
			Given: with(yes("pay", 0)),
			When:  tick("deadline", 61_000),
			Then: []any{
				saga.TimerFired{Name: "deadline"}, saga.StopRequested{Code: saga.DeadlinePassed},
				saga.CompensationStarted{Code: saga.DeadlinePassed},
				saga.StepRequested{Step: "pay", Undo: true, Attempt: 1, At: 5_000, ValidAt: estest.ProcessValidAt, Target: "payment/1"},
			},
			Sends: []es.Request{request("pay", 0, 1, true, "payment", refund{})},
		},
		{
			Name:  "an event that stops it",
			Given: with(event("payment", "Paid", paid{})),
			When:  event("order", "Stopped", stopped{}),
			Then:  []any{saga.StopRequested{Code: "order/stopped"}},
		},
	})
}

// TestAnInstanceMayHaveADeadlineOfItsOwn: with none, it has the ten seconds that everybody has.
func TestAnInstanceMayHaveADeadlineOfItsOwn(t *testing.T) {
	t.Parallel()
	for own, due := range map[int64]int64{3_000: 6_000, 0: 13_000} {
		d := declaration()
		d.Steps[1].DeadlineOf = func(trip) int64 { return own }
		estest.RunProcess(t, saga.Declare(d), []estest.ProcessCase{{
			Name: fmt.Sprintf("within %d ms", own), Given: []es.Occurrence{start(true), yes("book", 0)}, When: yes("book", 1),
			Then: []any{
				saga.StepSucceeded{Step: "book", Leg: 1},
				saga.StepRequested{Step: "pay", Attempt: 1, At: 3_000, ValidAt: estest.ProcessValidAt, Target: "payment/1"},
				saga.TimerSet{Name: "step/pay", Due: due},
			},
			Sends: []es.Request{request("pay", 0, 1, false, "payment", charge{})},
		}})
	}
	defer func() {
		if recover() == nil {
			t.Error("a step with a deadline in some instances alone is declared")
		}
	}()
	d := declaration()
	d.Steps[1].DeadlineMillis, d.Steps[1].DeadlineOf = 0, func(trip) int64 { return 1 }
	saga.Declare(d)
}

func TestTheEndOfTheWayBack(t *testing.T) {
	t.Parallel()
	denial := []es.Occurrence{start(true), yes("book", 0), yes("book", 1), event("payment", "Denied", denied{}), back("book", 1)}
	estest.RunProcess(t, saga.Declare(declaration()), []estest.ProcessCase{
		{
			Name:  "at last it is told that it came to nothing",
			Given: denial,
			When:  back("book", 0),
			Then: []any{
				saga.StepSucceeded{Step: "book", Undo: true},
				saga.StepRequested{Step: "abandon", Attempt: 1, At: 6_000, ValidAt: estest.ProcessValidAt, Target: "order/1"},
			},
			Sends: []es.Request{request("abandon", 0, 1, false, "order", cancel{"payment/denied"})},
		},
		{
			Name:  "and has ended",
			Given: append(denial[:len(denial):len(denial)], back("book", 0)),
			When:  yes("abandon", 0),
			Then:  []any{saga.StepSucceeded{Step: "abandon"}, saga.Compensated{Code: "payment/denied"}},
		},
	})
}

func TestFinal(t *testing.T) {
	t.Parallel()
	atConfirm := []es.Occurrence{start(false), yes("book", 0), yes("book", 1)}
	with := func(more ...es.Occurrence) []es.Occurrence {
		return append(atConfirm[:len(atConfirm):len(atConfirm)], more...)
	}
	estest.RunProcess(t, saga.Declare(declaration()), []estest.ProcessCase{
		{
			Name:  "a deadline waits for the answer that decides whether there is a way back",
			Given: atConfirm,
			When:  tick("deadline", 61_000),
			Then:  []any{saga.TimerFired{Name: "deadline"}, saga.StopRequested{Code: saga.DeadlinePassed}},
		},
		{
			Name:  "and is forgotten if there is none",
			Given: with(tick("deadline", 61_000)),
			When:  yes("confirm", 0),
			Then: []any{
				saga.StepSucceeded{Step: "confirm"},
				saga.StepRequested{Step: "tell", Attempt: 1, At: 5_000, ValidAt: estest.ProcessValidAt, Target: "mail/1"},
			},
			Sends: []es.Request{request("tell", 0, 1, false, "mail", confirm{})},
		},
		{
			Name:  "and leads back if the answer is no",
			Given: with(tick("deadline", 61_000)),
			When:  no("confirm", 0),
			Then: []any{
				saga.StepRefused{Step: "confirm", Code: "no"}, saga.CompensationStarted{Code: saga.DeadlinePassed},
				saga.StepRequested{Step: "book", Undo: true, Attempt: 1, At: 5_000, ValidAt: estest.ProcessValidAt, Target: "seat/1"},
				saga.StepRequested{Step: "book", Leg: 1, Undo: true, Attempt: 1, At: 5_000, ValidAt: estest.ProcessValidAt, Target: "seat/1"},
			},
			Sends: []es.Request{request("book", 0, 1, true, "seat", release{0}), request("book", 1, 1, true, "seat", release{1})},
		},
		{
			Name:  "behind it a refusal is stuck",
			Given: with(yes("confirm", 0)),
			When:  no("tell", 0),
			Then:  []any{saga.StepRefused{Step: "tell", Code: "no"}, saga.Stuck{Step: "tell", Code: "no"}},
		},
		{
			Name:    "and nothing leads back",
			Given:   with(yes("confirm", 0), no("tell", 0)),
			When:    es.Ordered{Order: es.OrderCompensate},
			Refused: es.NoWayBack,
		},
		{
			Name:  "until an operator has it sent again",
			Given: with(yes("confirm", 0), no("tell", 0)),
			When:  es.Ordered{Order: es.OrderRetry, Actor: "ann"},
			Then: []any{
				saga.Retried{Actor: "ann"},
				saga.StepRequested{Step: "tell", Attempt: 2, At: 6_000, ValidAt: estest.ProcessValidAt, Target: "mail/1"},
			},
			Sends: []es.Request{request("tell", 0, 2, false, "mail", confirm{})},
		},
	})
}

func TestFailures(t *testing.T) {
	t.Parallel()
	broken := func(step string, leg, number int32, undo bool) es.Occurrence {
		return answer(es.Failed, "decide-panicked", id(step, leg, number, undo))
	}
	undoing := []es.Occurrence{start(true), no("book", 0), yes("book", 1)}
	with := func(more ...es.Occurrence) []es.Occurrence {
		return append(undoing[:len(undoing):len(undoing)], more...)
	}
	estest.RunProcess(t, saga.Declare(declaration()), []estest.ProcessCase{
		{
			Name:  "a failure is tried again later",
			Given: []es.Occurrence{start(true)},
			When:  broken("book", 0, 1, false),
			Then:  []any{saga.StepFailed{Step: "book", Failure: 1, Code: "decide-panicked", RetryAt: 7_000}},
		},
		{
			Name:  "under the same ID, when its time has come",
			Given: []es.Occurrence{start(true), broken("book", 0, 1, false)},
			When:  tick("retry/book.0", 7_000),
			Then: []any{
				saga.TimerFired{Name: "retry/book.0"},
				saga.StepRequested{Step: "book", Attempt: 1, At: 3_000, ValidAt: estest.ProcessValidAt, Target: "seat/1"},
			},
			Sends: []es.Request{request("book", 0, 1, false, "seat", book{0})},
		},
		{
			Name:  "or an operator does not want to wait",
			Given: []es.Occurrence{start(true), broken("book", 0, 1, false)},
			When:  es.Ordered{Order: es.OrderRetry},
			Then:  []any{saga.Retried{}, saga.StepRequested{Step: "book", Attempt: 1, At: 3_000, ValidAt: estest.ProcessValidAt, Target: "seat/1"}},
			Sends: []es.Request{request("book", 0, 1, false, "seat", book{0})},
		},
		{
			Name:  "and not for ever",
			Given: []es.Occurrence{start(true), broken("book", 0, 1, false), tick("retry/book.0", 7_000)},
			When:  broken("book", 0, 1, false),
			Then: []any{
				saga.StepFailed{Step: "book", Failure: 2, Code: "decide-panicked"},
				saga.StopRequested{Code: "decide-panicked", Step: "book"}, saga.CompensationStarted{Code: "decide-panicked"},
			},
		},
		{
			Name:  "what can't be undone is stuck",
			Given: undoing,
			When:  answer(es.Refused, "gone", id("book", 1, 1, true)),
			Then: []any{
				saga.StepRefused{Step: "book", Leg: 1, Undo: true, Code: "gone"},
				saga.Stuck{Step: "book", Leg: 1, Undo: true, Code: "gone"},
			},
		},
		{
			Name:  "until an operator has it sent again",
			Given: with(answer(es.Refused, "gone", id("book", 1, 1, true))),
			When:  es.Ordered{Order: es.OrderRetry},
			Then: []any{
				saga.Retried{}, saga.StepRequested{Step: "book", Leg: 1, Undo: true, Attempt: 2, At: 5_000, ValidAt: estest.ProcessValidAt, Target: "seat/1"},
			},
			Sends: []es.Request{request("book", 1, 2, true, "seat", release{1})},
		},
		{
			Name:  "an undoing that fails is tried again",
			Given: undoing,
			When:  broken("book", 1, 1, true),
			Then:  []any{saga.StepFailed{Step: "book", Leg: 1, Undo: true, Failure: 1, Code: "decide-panicked", RetryAt: 9_000}},
		},
	})
}

func TestInputsThatChangeNothing(t *testing.T) {
	t.Parallel()
	ended := []es.Occurrence{start(false), yes("book", 0), yes("book", 1), yes("confirm", 0), yes("tell", 0)}
	estest.RunProcess(t, saga.Declare(declaration()), []estest.ProcessCase{
		{Name: "before the start", When: yes("book", 0), Refused: es.NotStarted},
		{Name: "an event before the start", When: event("payment", "Paid", paid{}), Refused: es.NotStarted},
		{Name: "a second start", Given: []es.Occurrence{start(true)}, When: start(true), Refused: es.AlreadyStarted},
		{Name: "an answer that came before", Given: []es.Occurrence{start(true), yes("book", 0)}, When: yes("book", 0), Refused: es.NotAwaited},
		{Name: "an answer to a later attempt", Given: []es.Occurrence{start(true)}, When: answer(es.Accepted, "", id("book", 0, 2, false)), Refused: es.NotAwaited},
		{Name: "a timer nobody set", Given: []es.Occurrence{start(true)}, When: tick("step/pay", 1), Refused: es.NotAwaited},
		{Name: "a timer that was set anew", Given: []es.Occurrence{start(true)}, When: tick("deadline", 1), Refused: es.NotAwaited},
		{Name: "an event that is not awaited yet", Given: []es.Occurrence{start(true)}, When: event("payment", "Paid", paid{}), Refused: es.NotAwaited},
		{Name: "after the end", Given: ended, When: tick("deadline", 61_000), Refused: es.Ended},
		{Name: "an order after the end", Given: ended, When: es.Ordered{Order: es.OrderCompensate}, Refused: es.Ended},
		{Name: "a retry of nothing", Given: []es.Occurrence{start(true)}, When: es.Ordered{Order: es.OrderRetry}, Refused: es.NothingToRetry},
	})
}
