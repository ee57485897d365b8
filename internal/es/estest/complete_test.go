package estest_test

import (
	"reflect"
	"slices"
	"testing"
	"testing/fstest"

	"recount/internal/es"
	"recount/internal/es/estest"
)

// switching is the smallest aggregate there is.
type switching struct{ On bool }

type order string

type fact string

func (s switching) Decide(o order) ([]fact, error) {
	return es.Emit(fact(o), es.Require(!s.On, "switch/on"))
}

func (s switching) Evolve(fact) switching { return switching{On: true} }

func switchType(name string) es.AggregateType {
	return es.Declare(es.Type[switching, order, fact]{
		Name: name, Commands: map[string]order{"TurnOn": ""}, Events: map[string]fact{"TurnedOn": ""},
	})
}

func TestGapsNamesWhatNoCaseExercises(t *testing.T) {
	t.Parallel()
	all := []estest.Case[order, fact]{
		{Name: "on", When: "on", Then: []fact{"on"}},
		{Name: "twice", Given: []fact{"on"}, When: "on", Refused: "switch/on"},
	}
	declared := []es.Refusal{"switch/on"}
	for name, tc := range map[string]struct {
		aggregate string
		cases     []estest.Case[order, fact]
		want      []string
	}{
		"none":             {"switch", all, nil},
		"refusal":          {"switch", all[:1], []string{"no case is refused with switch/on"}},
		"event":            {"switch", all[1:], []string{"no case gives TurnedOn"}},
		"all":              {"switch", nil, []string{"no case asks for TurnOn", "no case gives TurnedOn", "no case is refused with switch/on"}},
		"another's prefix": {"lamp", all, []string{`refusal switch/on: codes of this aggregate begin with "lamp/"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := estest.Gaps(switchType(tc.aggregate), declared, tc.cases); !slices.Equal(got, tc.want) {
				t.Fatalf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestRefusalsAreReadFromTheSource(t *testing.T) {
	t.Parallel()
	source := fstest.MapFS{
		"a.go": {Data: []byte("package a\nconst (\n\tA es.Refusal = \"a/one\"\n\tB es.Refusal = \"a/two\"\n\tC string = \"a/no\"\n\tD = \"a/no\"\n)\n")},
		"b.go": {Data: []byte("package a\nconst E es.Refusal = `a/three`\n")},
	}
	got, err := estest.Refusals(source)
	if want := []es.Refusal{"a/one", "a/two", "a/three"}; err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v and %v, want %v", got, err, want)
	}
	for name, source := range map[string]fstest.MapFS{
		"no files":   {},
		"no codes":   {"a.go": {Data: []byte("package a\n")}},
		"not Go":     {"a.go": {Data: []byte("const A")}},
		"unreadable": {"a.go": {Mode: 1 << 31}},
	} {
		if got, err := estest.Refusals(source); err == nil {
			t.Errorf("%s: got %v and no error", name, got)
		}
	}
}
