package shipment_test

import (
	"errors"
	"os"
	"testing"

	"pgregory.net/rapid"

	. "recount/domain/shop/shipment"
	"recount/internal/es"
	"recount/internal/es/estest"
)

type row = estest.Case[Command, Event]

// The values that the tables begin with.
var (
	arrange    = Arrange{OrderID: "o-1", Carrier: "post"}
	dispatch   = Dispatch{TrackingNumber: "GB-1"}
	cancel     = Cancel{Reason: "lost"}
	arranged   = ShipmentArranged{OrderID: "o-1", Carrier: "post"}
	dispatched = ShipmentDispatched{OrderID: "o-1", Carrier: "post", TrackingNumber: "GB-1"}
	delivered  = ShipmentDelivered{OrderID: "o-1", Carrier: "post", TrackingNumber: "GB-1"}
	cancelled  = ShipmentCancelled{OrderID: "o-1", Carrier: "post", Reason: "lost"}
)

func given(events ...Event) []Event { return events }

func cases() []row {
	return []row{
		{Name: "arrange", When: arrange, Then: given(arranged)},
		{Name: "arrange the same again", Given: given(arranged), When: arrange},
		{Name: "arrange what has left", Given: given(arranged, dispatched), When: arrange},
		{Name: "arrange otherwise", Given: given(arranged), When: Arrange{OrderID: "o-1", Carrier: "boat"}, Refused: AlreadyArranged},
		{Name: "arrange what was cancelled", Given: given(arranged, cancelled), When: arrange, Refused: Cancelled},
		{Name: "arrange for no order", When: Arrange{Carrier: "post"}, Refused: OrderMissing},
		{Name: "arrange without a carrier", When: Arrange{OrderID: "o-1"}, Refused: CarrierMissing},

		{Name: "dispatch", Given: given(arranged), When: dispatch, Then: given(dispatched)},
		{Name: "dispatch twice", Given: given(arranged, dispatched), When: dispatch},
		{Name: "dispatch what has arrived", Given: given(arranged, dispatched, delivered), When: dispatch},
		{Name: "dispatch under another number", Given: given(arranged, dispatched), When: Dispatch{TrackingNumber: "GB-2"}, Refused: AlreadyDispatched},
		{Name: "dispatch nothing", When: dispatch, Refused: NotArranged},
		{Name: "dispatch what was cancelled", Given: given(arranged, cancelled), When: dispatch, Refused: Cancelled},

		{Name: "deliver", Given: given(arranged, dispatched), When: Deliver{}, Then: given(delivered)},
		{Name: "deliver twice", Given: given(arranged, dispatched, delivered), When: Deliver{}},
		{Name: "deliver what has not left", Given: given(arranged), When: Deliver{}, Refused: NotDispatched},
		{Name: "deliver nothing", When: Deliver{}, Refused: NotArranged},
		{Name: "deliver what was cancelled", Given: given(arranged, cancelled), When: Deliver{}, Refused: Cancelled},

		{Name: "cancel", Given: given(arranged), When: cancel, Then: given(cancelled)},
		{Name: "cancel twice", Given: given(arranged, cancelled), When: Cancel{Reason: "another"}},
		{Name: "cancel what has left", Given: given(arranged, dispatched), When: cancel, Refused: AlreadyDispatched},
		{Name: "cancel what has arrived", Given: given(arranged, dispatched, delivered), When: cancel, Refused: AlreadyDispatched},
		{Name: "cancel nothing", When: cancel, Refused: NotArranged},
	}
}

func TestShipment(t *testing.T) {
	t.Parallel()
	estest.Run[Shipment](t, cases())
}

func TestEveryRefusalCommandAndEventHasARow(t *testing.T) {
	t.Parallel()
	estest.Complete(t, Type(), os.DirFS("."), cases())
}

// TestEvolveTakesAnyFact folds events in any order with any values.
func TestEvolveTakesAnyFact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		facts := rapid.SliceOf(rapid.OneOf(
			rapid.Make[ShipmentArranged]().AsAny(), rapid.Make[ShipmentDispatched]().AsAny(),
			rapid.Make[ShipmentDelivered]().AsAny(), rapid.Make[ShipmentCancelled]().AsAny(),
		)).Draw(t, "facts")
		var state Shipment
		for _, fact := range facts {
			state = state.Evolve(fact.(Event))
		}
		for _, c := range []Command{arrange, dispatch, Deliver{}, cancel} {
			after, events, err := es.Handle[Shipment, Command, Event](state, c)
			if refusal := es.Refusal(""); err != nil && (!errors.As(err, &refusal) || after != state || events != nil) {
				t.Fatalf("%+v on %+v: %v, %+v, %v", c, state, err, after, events)
			}
		}
	})
}
