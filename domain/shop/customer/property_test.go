package customer_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	. "recount/domain/shop/customer"
	"recount/internal/es"
)

func commands() *rapid.Generator[Command] {
	amount := rapid.OneOf(rapid.Int64Range(-1, 900), rapid.Int64())
	return rapid.Custom(func(t *rapid.T) Command {
		order := fmt.Sprint(rapid.IntRange(1, 4).Draw(t, "order"))
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0:
			return Block{}
		case 1, 2:
			return Unblock{}
		case 3:
			return ChangeCreditLimit{CreditLimit: amount.Draw(t, "limit"), Currency: "EUR"}
		case 4, 5:
			return ReleaseCredit{OrderID: order}
		}
		return reserve(order, amount.Draw(t, "amount"))
	})
}

// TestWhatIsReservedIsTheSumOfOpenOrders keeps books of its own, and looks whether an order was taken beyond the limit or
// of who is blocked.
func TestWhatIsReservedIsTheSumOfOpenOrders(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state, open := es.Replay(Customer{}, Event(registered)), map[string]int64{}
		for _, c := range rapid.SliceOfN(commands(), 60, 120).Draw(t, "commands") {
			after, events, err := es.Handle[Customer, Command, Event](state, c)
			if err != nil && !reflect.DeepEqual(after, state) {
				t.Fatalf("%+v was refused and changed %+v to %+v", c, state, after)
			}
			for _, event := range events {
				switch e := event.(type) {
				case CreditReserved:
					if open[e.OrderID] += e.Amount; state.Status == StatusBlocked || e.ReservedAfter > state.CreditLimit {
						t.Fatalf("%+v by %+v", e, state)
					}
				case CreditReleased:
					delete(open, e.OrderID)
				case CustomerRegistered, CreditLimitChanged, CustomerBlocked, CustomerUnblocked:
				}
			}
			state = after
			sum := int64(0)
			for _, amount := range open {
				sum += amount
			}
			if state.Reserved != sum || len(state.Reservations) != len(open) {
				t.Fatalf("%+v, where %v is on order", state, open)
			}
		}
	})
}

// TestEvolveTakesAnyFact folds events in any order with any values.
func TestEvolveTakesAnyFact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		facts := rapid.SliceOf(rapid.OneOf(
			rapid.Make[CustomerRegistered]().AsAny(), rapid.Make[CreditLimitChanged]().AsAny(), rapid.Make[CustomerBlocked]().AsAny(),
			rapid.Make[CustomerUnblocked]().AsAny(), rapid.Make[CreditReserved]().AsAny(), rapid.Make[CreditReleased]().AsAny(),
		)).Draw(t, "facts")
		var state Customer
		for _, fact := range facts {
			state = state.Evolve(fact.(Event))
		}
		for _, c := range rapid.SliceOfN(commands(), 1, 5).Draw(t, "commands") {
			_, _, err := es.Handle[Customer, Command, Event](state, c) // whatever state came about, it is answered
			if refusal := es.Refusal(""); err != nil && !errors.As(err, &refusal) {
				t.Fatalf("%+v on %+v: %v is no refusal", c, state, err)
			}
		}
	})
}
