package payment_test

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	. "recount/domain/shop/payment"
	"recount/internal/es"
)

func commands() *rapid.Generator[Command] {
	amount := rapid.OneOf(rapid.Int64Range(-1, 700), rapid.Int64Range(-1, 700), rapid.Int64())
	return rapid.Custom(func(t *rapid.T) Command {
		refunds := func() string { return fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "refund")) }
		simple := []Command{request, authorise, authorise, Capture{}, Capture{}, decline, cancel, Authorise{Reference: "other"}, debit, Collect{}, ConfirmCollection{}, Settle{}}
		if n := rapid.IntRange(0, 2*len(simple)).Draw(t, "command"); n < len(simple) {
			return simple[n]
		}
		if rapid.IntRange(0, 4).Draw(t, "reverses") == 0 {
			return ReverseRefund{RefundID: refunds()}
		}
		into := rapid.SampledFrom([]string{"", "acct-1", "acct-1"}).Draw(t, "into")
		return refundInto(into, refunds(), amount.Draw(t, "amount"), amount.Draw(t, "tax")/5)
	})
}

// TestNoMoreIsGivenBackThanCameIn adds up what the events say moved, at every version.
func TestNoMoreIsGivenBackThanCameIn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		begun := rapid.SampledFrom([][]Event{given(requested, authorised, received), fromAccount(isSettled)}).Draw(t, "way")
		state := es.Replay(Payment{}, begun[:rapid.IntRange(0, len(begun)).Draw(t, "begun")]...)
		var in, inTax, out, outTax int64
		if state.Status == StatusReceived {
			in, inTax = received.Amount, received.Tax
		}
		seen, reversed := []string{}, []string{}
		for _, c := range rapid.SliceOfN(commands(), 60, 120).Draw(t, "commands") {
			after, events, err := es.Handle[Payment, Command, Event](state, c)
			if err != nil && !reflect.DeepEqual(after, state) {
				t.Fatalf("%+v was refused and changed %+v to %+v", c, state, after)
			}
			state = after
			for _, event := range events {
				switch e := event.(type) {
				case PaymentReceived:
					in, inTax = in+e.Amount, inTax+e.Tax
				case PaymentRefunded:
					if slices.Contains(seen, e.RefundID) {
						t.Fatalf("refund %s is given twice", e.RefundID)
					}
					seen, out, outTax = append(seen, e.RefundID), out+e.Amount, outTax+e.Tax
				case RefundReversed:
					if !slices.Contains(seen, e.RefundID) || slices.Contains(reversed, e.RefundID) {
						t.Fatalf("refund %s is reversed, and was not given, or is again", e.RefundID)
					}
					reversed, out, outTax = append(reversed, e.RefundID), out-e.Amount, outTax-e.Tax
				case PaymentRequested, PaymentAuthorised, PaymentDeclined, PaymentCancelled, HoldRequested, CollectionRequested,
					PaymentCollected, DebitRevoked, PaymentSettled:
				}
				checkMoney(t, state, in, inTax, out, outTax)
			}
		}
	})
}

func checkMoney(t *rapid.T, state Payment, in, inTax, out, outTax int64) {
	if in != 0 && in != request.Amount || inTax > in {
		t.Fatalf("%d with %d of tax came in of %d", in, inTax, request.Amount)
	}
	if out > in || outTax > inTax || inTax-outTax > in-out {
		t.Fatalf("%d with %d of tax came in, and %d with %d went out", in, inTax, out, outTax)
	}
	if all := in > 0 && out == in; all != (state.Status == StatusRefunded) || all && outTax != inTax {
		t.Fatalf("of %d with %d of tax, %d with %d went out and the payment is %s", in, inTax, out, outTax, state.Status)
	}
	if ended := state.Status == StatusDeclined || state.Status == StatusCancelled; ended && in > 0 {
		t.Fatalf("%d came in and the payment is %s", in, state.Status)
	}
}

// TestEvolveTakesAnyFact folds events in any order with any values.
func TestEvolveTakesAnyFact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		facts := rapid.SliceOf(rapid.OneOf(
			rapid.Make[PaymentRequested]().AsAny(), rapid.Make[PaymentAuthorised]().AsAny(), rapid.Make[PaymentReceived]().AsAny(),
			rapid.Make[PaymentDeclined]().AsAny(), rapid.Make[PaymentCancelled]().AsAny(), rapid.Make[PaymentRefunded]().AsAny(),
			rapid.Make[HoldRequested]().AsAny(), rapid.Make[CollectionRequested]().AsAny(), rapid.Make[PaymentCollected]().AsAny(),
			rapid.Make[PaymentSettled]().AsAny(), rapid.Make[RefundReversed]().AsAny(), rapid.Make[DebitRevoked]().AsAny(),
		)).Draw(t, "facts")
		var state Payment
		for _, fact := range facts {
			state = state.Evolve(fact.(Event))
		}
		for _, c := range append(rapid.SliceOfN(commands(), 1, 5).Draw(t, "commands"), refund("r", math.MaxInt64, math.MaxInt64)) {
			_, _, err := es.Handle[Payment, Command, Event](state, c) // whatever state came about, it is answered
			if refusal := es.Refusal(""); err != nil && !errors.As(err, &refusal) {
				t.Fatalf("%+v on %+v: %v is no refusal", c, state, err)
			}
		}
	})
}
