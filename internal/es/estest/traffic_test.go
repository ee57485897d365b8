package estest_test

import (
	"testing"

	"pgregory.net/rapid"

	"recount/internal/es"
	"recount/internal/es/estest"
	"recount/internal/es/saga"
)

// errand is an aggregate that is asked to be run, and says so.
type errand struct{ Runs int }

type runErrand struct{}

type errandAsked struct{}

func (e errand) Decide(runErrand) ([]errandAsked, error) { return []errandAsked{{}}, nil }

func (e errand) Evolve(errandAsked) errand {
	e.Runs++
	return e
}

func errands() es.AggregateType {
	return es.Declare(es.Type[errand, runErrand, errandAsked]{
		Name: "errand", Revision: 1, Commands: map[string]runErrand{"Run": {}}, Events: map[string]errandAsked{"ErrandAsked": {}},
	})
}

// way is what the saga of errands knows.
type way struct{ ID string }

// twoSteps is a saga of two commands, one after the other.
func twoSteps() es.Process {
	send := func(to string) func(way) []es.Command {
		return func(way) []es.Command { return []es.Command{{Aggregate: "errand", ID: to, Body: runErrand{}}} }
	}
	return saga.Declare(saga.Saga[way]{
		Name: "errands", Revision: 1,
		Starts: map[string]func(string, any) way{"errand.ErrandAsked": func(id string, _ any) way { return way{id} }},
		Steps:  []saga.Step[way]{{Name: "first", Do: send("a")}, {Name: "second", Do: send("b")}},
	})
}

// TestTrafficBringsEverythingTwiceAndDecidesItOnce sees that what an aggregate decides once comes to it more often now and
// then, breaks now and then, and always comes to its end.
func TestTrafficBringsEverythingTwiceAndDecidesItOnce(t *testing.T) {
	t.Parallel()
	broke, late := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		decided := map[string]int{}
		x := &estest.Traffic{Breaks: 4, Decide: func(r es.Request) error {
			decided[r.CommandID]++
			return nil
		}}
		one, other := x.Add(twoSteps(), "test/errands/1"), x.Add(twoSteps(), "test/errands/2")
		state, err := estest.Ask(x, errands(), "1", errand{}, runErrand{})
		if err != nil || state.Runs != 1 {
			t.Fatal(err, state)
		}
		asked := false
		x.Run(t, func() bool { return asked }, func(*rapid.T) {
			if _, err := estest.Ask(x, errands(), "2", errand{}, runErrand{}); err != nil {
				t.Fatal(err)
			}
			asked = true
		})
		if !x.Ended() || len(decided) != 4 {
			t.Fatalf("%+v and %+v, decided were %v", one.State, other.State, decided)
		}
		for id, n := range decided {
			if n != 1 {
				t.Fatalf("%s was decided %d times", id, n)
			}
		}
		if err := x.CheckFold(); err != nil {
			t.Fatal(err)
		}
		for _, e := range append(one.History, other.History...) {
			if _, is := e.(saga.StepFailed); is {
				broke++
			}
		}
		late += x.Ignored()
	})
	if broke == 0 || late == 0 {
		t.Errorf("%d commands broke, and %d answers came again: nothing goes wrong here", broke, late)
	}
}
