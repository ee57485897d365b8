package deals_test

import (
	"errors"
	"slices"
	"testing"

	"recount/domain/bank/account"
	"recount/domain/shop/accountpayment"
	"recount/domain/shop/accountrefund"
	"recount/domain/shop/order"
	"recount/domain/shop/payment"
	"recount/domain/shop/refund"
	"recount/domain/shop/shipment"
	. "recount/e2e/deals"
)

const (
	seventh = "shop/account_refund/r-3"
	eighth  = "shop/account_refund/r-4"
)

// returned is an order that is shipped, paid from an account, and given back: the refund of everything came before that of
// a part, for which too little was left then.
func returned() []entry {
	all := refund.RefundRequested{PaymentID: "o-3", Account: "a", Amount: 200, Tax: 35, Currency: "EUR"}
	part := refund.RefundRequested{PaymentID: "o-3", Account: "a", Amount: 66, Currency: "EUR"}
	taken := account.FundsCaptured{HoldID: "payment/o-3", Amount: 200, Currency: "EUR", Channel: accountpayment.Channel}
	return []entry{
		{Bank, "account", "a", "", account.AccountOpened{Currency: "EUR"}},
		{Bank, "account", "b", "", account.AccountOpened{Currency: "EUR"}},
		{Bank, "account", "a", "teller", account.FundsDeposited{Amount: 1000, Currency: "EUR"}},
		{Shop, "order", "o-3", "", order.OrderCreated{Total: 200}},
		{Shop, "payment", "o-3", "", payment.PaymentRequested{Amount: 200, Tax: 35, Currency: "EUR", Account: "a"}},
		{Bank, "account", "a", "shop/account_payment/o-3", taken},
		{Shop, "payment", "o-3", "", payment.PaymentReceived{Amount: 200}},
		{Shop, "shipment", "o-3", "", shipment.ShipmentArranged{}},
		{Shop, "shipment", "o-3", "", shipment.ShipmentDispatched{}},
		{Shop, "order", "o-3", "", order.OrderShipped{}},
		{Shop, "payment", "o-3", "", payment.PaymentSettled{}}, // 10
		{Shop, "refund", "r-4", "", part},
		{Shop, "refund", "r-3", "", all}, // 12
		{Shop, "payment", "o-3", seventh, payment.PaymentRefunded{RefundID: "r-3", Amount: 200, Tax: 35, Account: "a", StatusAfter: payment.StatusRefunded}},
		{Bank, "account", "a", seventh, account.FundsDeposited{Amount: 200, Currency: "EUR", Channel: accountrefund.Channel}}, // 14
		{Shop, "refund", "r-3", seventh, refund.RefundCompleted{}},
		{Shop, "refund", "r-4", eighth, refund.RefundFailed{Code: "payment/refunded-too-much"}}, // 16
	}
}

// TestTheAuditFindsWhatIsWrongWithWhatWasGivenBack tampers with the books of an order all of whose money is back.
func TestTheAuditFindsWhatIsWrongWithWhatWasGivenBack(t *testing.T) {
	t.Parallel()
	if _, orders, err := audit(t, returned()); err != nil || orders.Shipped != 1 {
		t.Errorf("of good books: %+v %v", orders, err)
	}
	putBack := account.FundsDeposited{Amount: 200, Currency: "EUR", Channel: accountpayment.ReversalChannel}
	refunded := returned()[13].event.(payment.PaymentRefunded)
	changed := func(change func(*payment.PaymentRefunded)) tamper {
		e := refunded
		change(&e)
		return other(13, e)
	}
	for name, tc := range map[string]struct {
		tamper tamper
		want   error
	}{
		"it does not arrive":                      {without(14), ErrMoney},
		"it arrives twice":                        {twice(14), ErrTwice},
		"somebody else gets it":                   {func(log []entry) []entry { log[14].id = "b"; return log }, ErrMoney},
		"some of it does not arrive":              {other(14, account.FundsDeposited{Amount: 199, Currency: "EUR", Channel: accountrefund.Channel}), ErrMoney},
		"the refund does not end":                 {without(15), ErrOpen},
		"the refund fails, and the shop lacks it": {func(log []entry) []entry { log[15].event = refund.RefundFailed{}; return slices.Delete(log, 14, 15) }, ErrMoney},
		"it is put back as well":                  {with(entry{Bank, "account", "a", "shop/account_payment/o-3", putBack}), ErrMoney},
		"it is put back instead": {func(log []entry) []entry {
			log[14] = entry{Bank, "account", "a", "shop/account_payment/o-3", putBack}
			return log
		}, ErrMoney},
		"it was never taken":                   {without(5), ErrMoney},
		"it was given back before it was kept": {without(10), ErrMoney},
		"its order was cancelled":              {func(log []entry) []entry { log[9].event = order.OrderCancelled{}; return slices.Delete(log, 7, 9) }, ErrMoney},
		"the payment says that it is refunded, and a part is left": {func(log []entry) []entry {
			part := refunded
			part.Amount = 150
			log[12].event = refund.RefundRequested{PaymentID: "o-3", Account: "a", Amount: 150, Tax: 35, Currency: "EUR"}
			log[13].event = part
			log[14].event = account.FundsDeposited{Amount: 150, Currency: "EUR", Channel: accountrefund.Channel}
			return log
		}, ErrMoney},
		"the payment says that it has it still":   {changed(func(e *payment.PaymentRefunded) { e.StatusAfter = payment.StatusReceived }), ErrMoney},
		"the payment says that another got it":    {changed(func(e *payment.PaymentRefunded) { e.Account = "b" }), ErrMoney},
		"the payment says that nobody got it":     {changed(func(e *payment.PaymentRefunded) { e.Account = "" }), ErrMoney},
		"the payment says that it was another's":  {changed(func(e *payment.PaymentRefunded) { e.RefundID = "r-9" }), ErrMoney},
		"the payment gives another tax back":      {changed(func(e *payment.PaymentRefunded) { e.Tax = 34 }), ErrMoney},
		"the part for which too little was left":  {with(entry{Bank, "account", "a", eighth, account.FundsDeposited{Amount: 66, Currency: "EUR", Channel: accountrefund.Channel}}), ErrMoney},
		"the payment gives more than it received": {with(entry{Shop, "payment", "o-3", eighth, payment.PaymentRefunded{RefundID: "r-4", Amount: 66, Account: "a", StatusAfter: payment.StatusRefunded}}), ErrMoney},
	} {
		if _, _, err := audit(t, tc.tamper(returned())); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}
