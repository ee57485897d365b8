package es

import "reflect"

// Context is a bounded context: aggregates, processes and views with topics of their own.
type Context struct {
	// Name is the prefix of the context's topics and of its commands' wire names: "bank".
	Name       string
	Aggregates []AggregateType
	// Processes are its sagas. An event is an input of one of them at most.
	Processes []Process
	Views     []View
}

// Process returns the saga called name.
func (c Context) Process(name string) (Process, bool) {
	for _, p := range c.Processes {
		if p.Name() == name {
			return p, true
		}
	}
	return nil, false
}

// Aggregate returns the aggregate type called name.
func (c Context) Aggregate(name string) (AggregateType, bool) {
	for _, a := range c.Aggregates {
		if a.Name() == name {
			return a, true
		}
	}
	return nil, false
}

// Type declares one aggregate type with its wire names. Names are chosen by people and stay for ever; the Go types may be renamed.
type Type[S Aggregate[S, C, E], C, E any] struct {
	// Name is the aggregate's name in topics, URLs and schemas: "account".
	Name string
	// Revision is raised whenever Evolve or an upcast changes what old events fold to: stores and snapshots of another revision are folded again.
	Revision int
	// Commands and Events map wire names ("Deposit", "FundsDeposited") to zero values of their Go types.
	Commands map[string]C
	Events   map[string]E
	// Upcasts lift old events: Upcasts["FundsDeposited"][0] lifts version 1 to 2, after Avro has filled the new fields' defaults.
	Upcasts map[string][]func(E) E
}

// AggregateType is a Type with its parameters erased: what engine and serde run.
// Values given to it must be of the types it declares; anything else is a programmer's error and panics.
type AggregateType interface {
	Name() string
	Revision() int
	// CommandTypes and EventTypes give the zero value of each wire name.
	CommandTypes() map[string]any
	EventTypes() map[string]any
	// Upcasts returns the lifts of one event type, by version less one.
	Upcasts(event string) []func(any) any
	// Zero is the state before the first event; StateType its Go type.
	Zero() any
	StateType() reflect.Type
	// Decide appends the events that command makes true in state to dst and returns it, or returns a Refusal.
	Decide(state, command any, dst []any) ([]any, error)
	// Evolve returns the state after event.
	Evolve(state, event any) any
}

// Declare erases t's type parameters.
func Declare[S Aggregate[S, C, E], C, E any](t Type[S, C, E]) AggregateType {
	return erased[S, C, E]{t}
}

type erased[S Aggregate[S, C, E], C, E any] struct{ t Type[S, C, E] }

func (a erased[S, C, E]) Name() string  { return a.t.Name }
func (a erased[S, C, E]) Revision() int { return a.t.Revision }

func (a erased[S, C, E]) CommandTypes() map[string]any { return widen(a.t.Commands) }
func (a erased[S, C, E]) EventTypes() map[string]any   { return widen(a.t.Events) }

func (a erased[S, C, E]) Upcasts(event string) []func(any) any {
	var out []func(any) any
	for _, up := range a.t.Upcasts[event] {
		out = append(out, func(e any) any { return up(e.(E)) })
	}
	return out
}

func (a erased[S, C, E]) Zero() any {
	var zero S
	return zero
}

func (a erased[S, C, E]) StateType() reflect.Type { return reflect.TypeFor[S]() }

func (a erased[S, C, E]) Decide(state, command any, dst []any) ([]any, error) {
	events, err := state.(S).Decide(command.(C))
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		dst = append(dst, e)
	}
	return dst, nil
}

func (a erased[S, C, E]) Evolve(state, event any) any { return state.(S).Evolve(event.(E)) }

func widen[V any](m map[string]V) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}
