package demo

import (
	"context"
	"time"

	"recount/cmd/internal/shopday"
)

// Shop is what ClickHouse tells of the shop, of transfers, and of the sagas that carry them out. Amounts are minor units.
type Shop struct {
	Endings []Ending `json:"endings"`
	// Order is the one that went through most; nil: there are no orders.
	Order     *OrderPath    `json:"order"`
	Stock     []Article     `json:"stock"`
	Days      []Period      `json:"days"`
	Months    []Period      `json:"months"`
	Transfers []TransferEnd `json:"transfers"`
	Stuck     []Stuck       `json:"stuck"`
}

// Ending counts the orders that ended in one way, for one reason.
type Ending struct {
	Status   string `ch:"status" json:"status"`
	Reason   string `ch:"reason" json:"reason"`
	Currency string `ch:"currency" json:"currency"`
	Orders   uint64 `ch:"orders" json:"orders"`
	Total    int64  `ch:"total" json:"total"`
}

// OrderPath is an order and all that it went through.
type OrderPath struct {
	OrderID    string      `ch:"order_id" json:"order_id"`
	CustomerID string      `ch:"customer_id" json:"customer_id"`
	Currency   string      `ch:"currency" json:"currency"`
	Total      int64       `ch:"total" json:"total"`
	Steps      []OrderStep `json:"steps"`
}

// OrderStep is one version of an order.
type OrderStep struct {
	Version uint64    `ch:"version" json:"version"`
	Event   string    `ch:"event_type" json:"event"`
	Status  string    `ch:"status" json:"status"`
	ValidAt time.Time `ch:"valid_at" json:"valid_at"`
	// Actor is who saw to it: whoever sent the command, or the instance of a saga.
	Actor    string `ch:"actor" json:"actor"`
	Reason   string `ch:"reason" json:"reason"`
	Currency string `ch:"currency" json:"currency"`
	Refund   int64  `ch:"refund" json:"refund"`
}

// Article is the stock of one, in pieces. OnHandThen is what there was in the middle of the day.
type Article struct {
	SKU        string `ch:"sku" json:"sku"`
	Received   int64  `ch:"received" json:"received"`
	Shipped    int64  `ch:"shipped" json:"shipped"`
	OnHandThen int64  `ch:"on_hand_then" json:"on_hand_then"`
	OnHand     int64  `ch:"on_hand" json:"on_hand"`
	Allocated  int64  `ch:"allocated" json:"allocated"`
	Free       int64  `ch:"free" json:"free"`
	// Shortages is how often more was asked for than was free.
	Shortages int64 `ch:"shortages" json:"shortages"`
}

// Period is what the shop earned in a day or a month, which is named by its first day.
type Period struct {
	Period   string `ch:"period" json:"period"`
	Currency string `ch:"currency" json:"currency"`
	Payments int64  `ch:"payments" json:"payments"`
	Refunds  int64  `ch:"refunds" json:"refunds"`
	Revenue  int64  `ch:"revenue" json:"revenue"`
	Refunded int64  `ch:"refunded" json:"refunded"`
	Taxes    int64  `ch:"taxes" json:"taxes"`
	Earned   int64  `ch:"earned" json:"earned"`
}

// TransferEnd counts the transfers that ended in one way. Step is what was refused of those that failed.
type TransferEnd struct {
	Status    string `ch:"status" json:"status"`
	Code      string `ch:"code" json:"code"`
	Step      string `ch:"step" json:"step"`
	Currency  string `ch:"currency" json:"currency"`
	Transfers uint64 `ch:"transfers" json:"transfers"`
	Amount    int64  `ch:"amount" json:"amount"`
}

// Stuck is an instance of a saga that needs an operator.
type Stuck struct {
	Context    string  `ch:"context" json:"context"`
	Saga       string  `ch:"saga" json:"saga"`
	ID         string  `ch:"instance_id" json:"id"`
	State      string  `ch:"state" json:"state"`
	Step       string  `ch:"step" json:"step"`
	AgeSeconds float64 `ch:"age_seconds" json:"age_seconds"`
	Version    uint64  `ch:"version" json:"version"`
	Code       string  `ch:"code" json:"code"`
	Detail     string  `ch:"detail" json:"detail"`
}

func readShop(ctx context.Context, db Database) (s Shop, err error) {
	for _, read := range []func() error{
		into(ctx, db, &s.Endings, "endings"),
		func() (err error) { s.Order, err = orderPath(ctx, db); return err },
		into(ctx, db, &s.Stock, "stock", timestamp(shopday.Noon())),
		into(ctx, db, &s.Days, "revenue_daily"),
		into(ctx, db, &s.Months, "revenue_monthly"),
		into(ctx, db, &s.Transfers, "transfers"),
		into(ctx, db, &s.Stuck, "stuck"),
	} {
		if err := read(); err != nil {
			return s, err
		}
	}
	return s, nil
}

// orderPath is that of the order which went through most; nil: there are no orders.
func orderPath(ctx context.Context, db Database) (*OrderPath, error) {
	found, err := ask[OrderPath](ctx, db, "order")
	if err != nil || len(found) == 0 {
		return nil, err
	}
	o := &found[0]
	o.Steps, err = ask[OrderStep](ctx, db, "path", o.OrderID)
	return o, err
}
