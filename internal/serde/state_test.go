package serde

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"recount/internal/es"
)

// state makes an aggregate of any state type, to see what may be one.
type state[T any] struct{ Inner T }

func (s state[T]) Decide(bookCommand) ([]bookEvent, error) { return nil, nil }
func (s state[T]) Evolve(bookEvent) state[T]               { return s }

func stateOf[T any](name string, revision int) es.AggregateType {
	return es.Declare(es.Type[state[T], bookCommand, bookEvent]{Name: name, Revision: revision})
}

func foldOfState(t *testing.T, a es.AggregateType) es.Hash {
	t.Helper()
	s, err := newStateCodec(a)
	if err != nil {
		t.Fatal(err)
	}
	return s.fold
}

type (
	reordered struct{ B, A string }
	ordered   struct{ A, B string }
	retyped   struct {
		A string
		B int32
	}
	tagged struct {
		A string `avro:"a"`
		B string
	}
	loop   struct{ Next *loop }
	secret struct{ _ string }
	left   struct {
		A string `avro:"-"`
	}
)

// A stored state must be thrown away whenever it might mean something else now.
func TestFoldChangesWithWhatStatesDependOn(t *testing.T) {
	t.Parallel()
	first := foldOfState(t, stateOf[ordered]("book", 1))
	if foldOfState(t, stateOf[ordered]("book", 1)) != first {
		t.Error("fold is not the same twice")
	}
	for what, a := range map[string]es.AggregateType{
		"another revision":        stateOf[ordered]("book", 2),
		"another aggregate":       stateOf[ordered]("books", 1),
		"fields in another order": stateOf[reordered]("book", 1),
		"a field of another type": stateOf[retyped]("book", 1),
		"a field renamed":         stateOf[tagged]("book", 1),
	} {
		if foldOfState(t, a) == first {
			t.Errorf("fold does not notice %s", what)
		}
	}
}

func TestStatesThatCanNotBeStored(t *testing.T) {
	t.Parallel()
	for says, a := range map[string]es.AggregateType{
		"contains itself":                         stateOf[loop]("a", 1),
		"field _ of serde.secret is not exported": stateOf[secret]("a", 1),
		"field A of serde.left is excluded":       stateOf[left]("a", 1),
		"a chan int can't be stored":              stateOf[chan int]("a", 1),
		"a func() can't be stored":                stateOf[func()]("a", 1),
		"a uint64 can't be stored":                stateOf[uint64]("a", 1),
		"interface {} can't be stored":            stateOf[any]("a", 1),
		"keys must be strings":                    stateOf[map[int]string]("a", 1),
		"of time.Time is not exported":            stateOf[time.Time]("a", 1),
		"of big.Int is not exported":              stateOf[big.Int]("a", 1),
	} {
		if _, err := newStateCodec(a); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("newStateCodec = %v, want it to say %q", err, says)
		}
	}
}
