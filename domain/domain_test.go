package domain_test

import (
	"errors"
	"reflect"
	"regexp"
	"slices"
	"testing"

	"recount/domain"
	"recount/internal/es"
)

// TestWhatIsDeclaredHasNamesThatCanStay checks the names that become topics, schemas, URLs and tables.
func TestWhatIsDeclaredHasNamesThatCanStay(t *testing.T) {
	t.Parallel()
	contexts := map[string]bool{}
	for _, c := range domain.Contexts() {
		if contexts[c.Name] {
			t.Errorf("context %s is there twice", c.Name)
		}
		contexts[c.Name] = true
		for _, problem := range misnamed(c) {
			t.Error(problem)
		}
	}
	if !contexts["bank"] || !contexts["shop"] {
		t.Errorf("there are only %v", contexts)
	}
	for _, problem := range disputed(domain.Contexts()) {
		t.Error(problem)
	}
}

// disputed says which view several contexts declare and only some mean: a view of one name is one set of tables, which
// all contexts that have it fill.
func disputed(contexts []es.Context) (problems []string) {
	type meaning struct {
		mapping uintptr
		context string
	}
	known := map[string]meaning{}
	for _, c := range contexts {
		for _, v := range c.Views {
			this := meaning{reflect.ValueOf(v.Map).Pointer(), c.Name}
			if first, ok := known[v.Name]; ok && first.mapping != this.mapping {
				problems = append(problems, "view "+v.Name+" of "+c.Name+" is another one in "+first.context)
			} else if !ok {
				known[v.Name] = this
			}
		}
	}
	return problems
}

func TestTwoViewsOfOneNameAreNoticed(t *testing.T) {
	t.Parallel()
	all := es.View{Name: "events", Map: func(es.Recorded, *es.Rows) error { return nil }}
	other := es.View{Name: "events", Map: func(es.Recorded, *es.Rows) error { return errors.New("another") }}
	for _, tc := range []struct {
		of   es.View
		want int
	}{{all, 0}, {other, 1}} {
		got := disputed([]es.Context{{Name: "bank", Views: []es.View{all}}, {Name: "shop", Views: []es.View{tc.of}}})
		if len(got) != tc.want {
			t.Errorf("%q, want %d", got, tc.want)
		}
	}
}

func TestBadNamesAreNoticed(t *testing.T) {
	t.Parallel()
	bad := es.Context{
		Name:       "Bank",
		Aggregates: []es.AggregateType{declare("account", "Open", "Opened"), declare("account", "open-it", "Opened")},
		Views: []es.View{
			{Name: "balances", Revision: 1, From: es.FromEvents, Tables: []es.AnyTable{es.NewTable[struct{}]("balances")}},
			{Name: "balances", From: "commands", Tables: []es.AnyTable{es.NewTable[struct{}]("Balances")}},
		},
	}
	// The context; the second aggregate, its command and its event; the second view, its revision, stream and table.
	if got := misnamed(bad); len(got) != 8 {
		t.Errorf("got %d problems, want 8: %q", len(got), got)
	}
}

// nothing is an aggregate to which nothing ever happens.
type nothing struct{}

func (nothing) Decide(string) ([]string, error) { return nil, nil }
func (nothing) Evolve(string) nothing           { return nothing{} }

func declare(name, command, event string) es.AggregateType {
	return es.Declare(es.Type[nothing, string, string]{
		Name: name, Commands: map[string]string{command: ""}, Events: map[string]string{event: ""},
	})
}

// misnamed says what in c has a name that is taken already or that topics, URLs or tables cannot have.
func misnamed(c es.Context) (problems []string) {
	var (
		lower  = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
		record = regexp.MustCompile(`^[A-Z][a-z0-9]*([A-Z][a-z0-9]*)*$`) // a command's URL is its kebab case
		taken  = map[string]bool{}
	)
	check := func(kind, name string, form *regexp.Regexp) {
		if taken[kind+name] {
			problems = append(problems, kind+" "+name+" is taken")
		}
		taken[kind+name] = true
		if !form.MatchString(name) {
			problems = append(problems, kind+" "+name+" does not match "+form.String())
		}
	}
	check("context", c.Name, lower)
	for _, a := range c.Aggregates {
		check("aggregate", a.Name(), lower)
		for name := range a.CommandTypes() {
			check("record "+a.Name()+".", name, record)
		}
		for name := range a.EventTypes() { // in one namespace with the commands
			check("record "+a.Name()+".", name, record)
		}
	}
	for _, v := range c.Views {
		check("view", v.Name, lower)
		if v.Revision < 1 {
			problems = append(problems, "view "+v.Name+" has no revision")
		}
		if !slices.Contains([]es.Stream{es.FromEvents, es.FromProcesses, es.FromRefusals, es.FromDeadLetters}, v.From) {
			problems = append(problems, "view "+v.Name+" reads no stream")
		}
		for _, table := range v.Tables {
			check("table", table.Name(), lower)
		}
	}
	return problems
}
