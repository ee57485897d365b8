package es_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"recount/internal/es"
)

// switchboard is an aggregate as small as one can be.
type switchboard struct{ On bool }

type (
	press   struct{ Times int }
	pressed struct{ Lifted bool }
)

const tooOften es.Refusal = "switch/too-often"

func (s switchboard) Decide(p press) ([]pressed, error) {
	if p.Times == 0 {
		return nil, nil
	}
	return es.Emit(pressed{}, es.Require(p.Times < 3, tooOften), es.Require(p.Times > 0, "switch/negative"))
}

func (s switchboard) Evolve(pressed) switchboard { return switchboard{!s.On} }

func declared() es.AggregateType {
	return es.Declare(es.Type[switchboard, press, pressed]{
		Name: "switch", Revision: 3,
		Commands: map[string]press{"Press": {}},
		Events:   map[string]pressed{"Pressed": {}},
		Upcasts:  map[string][]func(pressed) pressed{"Pressed": {func(pressed) pressed { return pressed{Lifted: true} }}},
	})
}

func TestHandle(t *testing.T) {
	t.Parallel()
	s, events, err := es.Handle(switchboard{}, press{1})
	if err != nil || !s.On || len(events) != 1 {
		t.Errorf("%v, %v, %v", s, events, err)
	}
	for times, code := range map[int]es.Refusal{3: tooOften, -1: "switch/negative"} {
		s, events, err := es.Handle(switchboard{On: true}, press{times})
		if !errors.Is(err, code) || !s.On || events != nil {
			t.Errorf("pressed %d times: %v, %v, %v", times, s, events, err)
		}
	}
	if s, events, err := es.Handle(switchboard{}, press{}); err != nil || len(events) != 0 || s.On {
		t.Errorf("nothing to change: %v, %v, %v", s, events, err)
	}
}

func TestTheFirstBrokenRuleCounts(t *testing.T) {
	t.Parallel()
	if err := es.First(nil, es.Require(false, "a"), es.Require(false, "b")); !errors.Is(err, es.Refusal("a")) {
		t.Errorf("err = %v", err)
	}
	if err := es.First(nil, es.Require(true, "a")); err != nil {
		t.Errorf("err = %v", err)
	}
}

func TestADeclaredTypeActsAsItsParameters(t *testing.T) {
	t.Parallel()
	a := declared()
	events, err := a.Decide(a.Zero(), press{1}, nil)
	if err != nil || !reflect.DeepEqual(events, []any{pressed{}}) {
		t.Fatalf("%v, %v", events, err)
	}
	if s := a.Evolve(a.Zero(), events[0]); s != (switchboard{On: true}) {
		t.Errorf("state %v", s)
	}
	if _, err := a.Decide(a.Zero(), press{9}, nil); !errors.Is(err, tooOften) {
		t.Errorf("err = %v", err)
	}
	if ups := a.Upcasts("Pressed"); len(ups) != 1 || ups[0](pressed{}) != (pressed{Lifted: true}) {
		t.Errorf("%d upcasts", len(ups))
	}
	if a.Name() != "switch" || a.Revision() != 3 || a.StateType() != reflect.TypeFor[switchboard]() {
		t.Errorf("%s %d %v", a.Name(), a.Revision(), a.StateType())
	}
	if a.CommandTypes()["Press"] != (press{}) || a.EventTypes()["Pressed"] != (pressed{}) {
		t.Errorf("%v %v", a.CommandTypes(), a.EventTypes())
	}
}

func TestAContextFindsItsAggregates(t *testing.T) {
	t.Parallel()
	c := es.Context{Name: "house", Aggregates: []es.AggregateType{declared()}}
	if a, ok := c.Aggregate("switch"); !ok || a.Name() != "switch" {
		t.Error("the switch was not found")
	}
	if _, ok := c.Aggregate("lamp"); ok {
		t.Error("a lamp was found")
	}
}

func TestRows(t *testing.T) {
	t.Parallel()
	type row struct{ N int }
	first, second := es.NewTable[row]("first"), es.NewTable[row]("second")
	out := es.NewRows(first, second)
	second.Append(out, row{1})
	first.Append(out, row{2})
	second.Append(out, row{3})
	var names []string
	for name, rows := range out.Each {
		names = append(names, name)
		if want := map[string][]row{"first": {{2}}, "second": {{1}, {3}}}[name]; !slices.Equal(*rows.(*[]row), want) {
			t.Errorf("%s has %v", name, rows)
		}
	}
	if !slices.Equal(names, []string{"first", "second"}) {
		t.Errorf("tables come as %v", names)
	}
}

func TestRowsOfAMappingThatFailedAreTakenBack(t *testing.T) {
	t.Parallel()
	type row struct{ N int }
	first, second := es.NewTable[row]("first"), es.NewTable[row]("second")
	out := es.NewRows(first, second)
	out.Mark()
	second.Append(out, row{1})
	out.Undo()
	if !out.Empty() {
		t.Error("the row is still there")
	}
	second.Append(out, row{2})
	out.Mark()
	first.Append(out, row{3})
	second.Append(out, row{4})
	out.Undo()
	for name, rows := range out.Each {
		if want := map[string][]row{"second": {{2}}}[name]; !slices.Equal(*rows.(*[]row), want) {
			t.Errorf("%s has %v, want %v", name, rows, want)
		}
	}
	if out.Empty() {
		t.Error("what was there before is gone")
	}
}

func TestAnIDPrintsAsAUUID(t *testing.T) {
	t.Parallel()
	if got := (es.ID{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 15: 0xff}).String(); got != "01234567-89ab-cdef-0000-0000000000ff" {
		t.Error(got)
	}
}

// TestAnAttemptKnowsItsCommand: what is put together to be compared is what was sent.
func TestAnAttemptKnowsItsCommand(t *testing.T) {
	t.Parallel()
	long := "bank/transfer/" + strings.Repeat("x", 400)
	attempts := []es.Attempt{{Step: "pay", Number: 1}, {Step: "pay", Number: 11}, {Step: "pay", Leg: 1, Number: 1}, {Step: "pay", Undo: true, Number: 1}, {Step: "ship", Number: 1}}
	if id := attempts[3].CommandID("bank/transfer/t-1"); id != "bank/transfer/t-1/pay.0.undo#1" {
		t.Errorf("an ID is %q: those of commands under way are others", id)
	}
	for _, process := range []string{"bank/transfer/t-1", "bank/transfer/t-11", long, long + "x"} {
		for _, a := range attempts {
			for _, b := range attempts {
				if a.Sent(process, b.CommandID(process)) != (a == b) {
					t.Errorf("%+v and %+v of %s", a, b, process)
				}
			}
			if a.Sent(process, a.CommandID(process+"y")) {
				t.Errorf("%+v of %s is taken for another process's", a, process)
			}
		}
	}
}
