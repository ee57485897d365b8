package accountrefund_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"recount/domain/bank/account"
	"recount/domain/shop/accountpayment"
	. "recount/domain/shop/accountrefund"
	"recount/domain/shop/payment"
	"recount/domain/shop/refund"
	"recount/internal/es"
	"recount/internal/es/estest"
)

const (
	paidIn = 2_000 // into each account
	price  = 1_210
	tax    = 210
)

// world is a payment from an account of the bank, another account, the refunds that somebody wants, and the sagas between
// all of them.
type world struct {
	accounts map[string]account.Account
	payment  payment.Payment
	refunds  map[string]refund.Refund

	traffic estest.Traffic
	wanted  []want
	rough   bool
	spent   int64          // by the accounts' owner meanwhile
	arrived map[string]int // how often a refund's money came, by what it is
}

// want is a refund that is yet to be asked for.
type want struct {
	id string
	refund.Request
}

func newWorld(t *rapid.T) *world {
	w := &world{accounts: map[string]account.Account{}, refunds: map[string]refund.Refund{}, arrived: map[string]int{}}
	w.traffic.Decide, w.traffic.Breaks, w.rough = w.decide, 20, rapid.IntRange(0, 3).Draw(t, "rough") == 3
	w.traffic.Add(accountpayment.Saga(), "shop/account_payment/o-1")
	for _, id := range []string{"acct-1", "acct-2"} {
		w.ask("bank", id, account.Open{CustomerID: "ada", Currency: "EUR"})
		w.ask("bank", id, account.Deposit{Amount: paidIn, Currency: "EUR"})
	}
	for n := range rapid.IntRange(1, 4).Draw(t, "refunds") {
		amount := rapid.SampledFrom([]int64{100, 605, price, price - 605}).Draw(t, "amount")
		w.wanted = append(w.wanted, want{fmt.Sprint("r-", n), refund.Request{
			PaymentID: "o-1", Account: rapid.SampledFrom([]string{"acct-1", "acct-1", "acct-1", "acct-1", "acct-2"}).Draw(t, "into"),
			Amount: amount, Tax: amount * tax / price, Currency: "EUR",
		}})
		w.traffic.Add(Saga(), fmt.Sprint("shop/account_refund/r-", n))
	}
	w.ask("shop", "o-1", payment.Request{OrderID: "o-1", CustomerID: "ada", Amount: price, Tax: tax, Currency: "EUR", Account: "acct-1"})
	return w
}

// ask has an aggregate decide what somebody else than a saga wants, and leaves it at the answer.
func (w *world) ask(context, id string, body any) {
	_ = w.decide(es.Request{Command: es.Command{Context: context, ID: id, Body: body}})
}

func (w *world) decide(r es.Request) (err error) {
	switch c := r.Body.(type) {
	case account.Command:
		before := w.accounts[r.ID].Balance
		w.accounts[r.ID], err = estest.Ask(&w.traffic, account.Type(), r.ID, w.accounts[r.ID], c)
		w.note(r.CommandID, c, w.accounts[r.ID].Balance-before)
	case payment.Command:
		w.payment, err = estest.Ask(&w.traffic, payment.Type(), r.ID, w.payment, c)
	case refund.Command:
		w.refunds[r.ID], err = estest.Ask(&w.traffic, refund.Type(), r.ID, w.refunds[r.ID], c)
	default:
		return fmt.Errorf("%T is no command", c)
	}
	return err
}

// note takes down what an account's owner spent, and which refund's money came.
func (w *world) note(commandID string, c account.Command, more int64) {
	switch c := c.(type) {
	case account.Withdraw:
		w.spent -= more
	case account.Deposit:
		if id, is := strings.CutPrefix(commandID, "shop/account_refund/"); is && c.Channel == Channel && more == c.Amount {
			id, _, _ = strings.Cut(id, "/")
			w.arrived[id]++
		}
	}
}

// others are the shop, the account's owner, a court, and whoever wants refunds: they do as they please, also too late.
// Only in a rough world do they hinder the payment before it is settled.
func (w *world) others(t *rapid.T) {
	if w.rough || w.payment.Settled || w.isOver() {
		w.hinder(t)
	}
	w.ask("shop", "o-1", rapid.SampledFrom([]payment.Command{payment.Collect{}, payment.Capture{}, payment.Settle{}}).Draw(t, "shop"))
	early := rapid.IntRange(0, 9).Draw(t, "early") == 0
	if len(w.wanted) > 0 && (early || w.payment.Settled || w.isOver()) {
		next := w.wanted[0]
		w.wanted = w.wanted[1:]
		w.ask("shop", next.id, next.Request)
	}
}

func (w *world) hinder(t *rapid.T) {
	switch rapid.IntRange(0, 5).Draw(t, "who") {
	case 0:
		w.ask("shop", "o-1", payment.Cancel{Reason: "no longer wanted"})
	case 1:
		w.ask("shop", "o-1", payment.Refund{RefundID: "r-0", Amount: price, Tax: tax, Currency: "EUR"})
	case 2:
		w.ask("bank", "acct-1", account.Freeze{Reason: "court order"})
	case 3:
		w.ask("bank", "acct-1", account.Unfreeze{})
	case 4:
		w.ask("bank", "acct-1", account.Withdraw{Amount: rapid.Int64Range(1, paidIn).Draw(t, "spent"), Currency: "EUR"})
	default: // the owner leaves the bank; before it is settled, who collected the money would be stuck with it
		if w.payment.Settled {
			w.ask("bank", "acct-1", account.Withdraw{Amount: w.accounts["acct-1"].Balance, Currency: "EUR"})
			w.ask("bank", "acct-1", account.Close{})
		}
	}
}

// isOver says whether the payment has come to nothing.
func (w *world) isOver() bool {
	switch w.payment.Status {
	case payment.StatusDeclined, payment.StatusCancelled, payment.StatusRefunded:
		return true
	case payment.StatusRequested, payment.StatusAuthorised, payment.StatusCollecting, payment.StatusCollected, payment.StatusReceived:
	}
	return false
}

func (w *world) hadTheirSay() bool { return len(w.wanted) == 0 && w.traffic.Ended() }

// inTheShop is what of the payment's money the shop has.
func (w *world) inTheShop() int64 {
	if w.payment.Status != payment.StatusReceived && w.payment.Status != payment.StatusRefunded {
		return 0
	}
	left := w.payment.Amount
	for _, r := range w.payment.Refunds {
		if !r.Reversed {
			left -= r.Amount
		}
	}
	return left
}

// check says what is not where it should be once every saga has ended.
func (w *world) check() error {
	var money int64
	for id, a := range w.accounts {
		money += a.Balance
		if len(a.Holds) > 0 {
			return fmt.Errorf("something is still set aside in %s", id)
		}
	}
	if !w.traffic.Ended() {
		return errors.New("a saga has not ended")
	}
	for id, r := range w.refunds {
		if err := w.checkRefund(id, r); err != nil {
			return err
		}
	}
	if sum := money + w.spent + w.inTheShop(); sum != 2*paidIn {
		return fmt.Errorf("%d are in the accounts, %d were spent, and the shop has %d: that is %d of %d", money, w.spent, w.inTheShop(), sum, 2*paidIn)
	}
	return nil
}

func (w *world) checkRefund(id string, r refund.Refund) error {
	given := false
	for _, part := range w.payment.Refunds {
		if part.RefundID == id && !part.Reversed {
			given = part.Amount == r.Order.Amount && part.Account == r.Order.Account
		}
	}
	complete := r.Status == refund.StatusCompleted
	switch {
	case !complete && r.Status != refund.StatusFailed:
		return fmt.Errorf("refund %s is left %s", id, r.Status)
	case complete != given:
		return fmt.Errorf("refund %s is %s, and the payment has given back %+v", id, r.Status, w.payment.Refunds)
	case complete && w.arrived[id] != 1, !complete && w.arrived[id] != 0:
		return fmt.Errorf("refund %s is %s, and its money came %d times", id, r.Status, w.arrived[id])
	}
	return nil
}

// TestNoMoneyIsLostOrMadeOverBothContexts has commands, answers, events and timers come in any order, twice, or break, while
// shop, owner, court and whoever wants refunds do as they please. In the end what is in the accounts, what was spent and
// what the shop has is what was paid in; and each refund's money came once, or the refund has failed and it did not.
func TestNoMoneyIsLostOrMadeOverBothContexts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		w.traffic.Run(t, w.hadTheirSay, w.others)
		if err := w.check(); err != nil {
			t.Fatalf("%v\n%+v\n%+v\n%+v", err, w.accounts, w.payment, w.refunds)
		}
		if err := w.traffic.CheckFold(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestTheCheckFindsWhatIsWrong spoils a payment of which one part was given back, and another was not because it was too
// much, in each way that it is checked for.
func TestTheCheckFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	order := refund.Order{PaymentID: "o-1", Account: "acct-1", Amount: 605, Currency: "EUR"}
	fresh := func() *world {
		return &world{
			accounts: map[string]account.Account{"acct-1": {Balance: paidIn - price + 605}, "acct-2": {Balance: paidIn - 10}},
			payment: payment.Payment{Status: payment.StatusReceived, Account: "acct-1", Amount: price, Settled: true, Refunds: []payment.Refunded{
				{RefundID: "r-0", Amount: 605, Account: "acct-1"}, {RefundID: "r-1", Amount: 100, Account: "acct-1", Reversed: true},
			}},
			refunds: map[string]refund.Refund{
				"r-0": {Status: refund.StatusCompleted, Order: order}, "r-1": {Status: refund.StatusFailed, Order: refund.Order{Amount: 100, Account: "acct-1"}},
			},
			spent: 10, arrived: map[string]int{"r-0": 1},
		}
	}
	if err := fresh().check(); err != nil {
		t.Fatalf("nothing is wrong, and yet: %v", err)
	}
	for name, spoil := range map[string]func(*world){
		"a hold is left": func(w *world) {
			w.accounts["acct-2"] = account.Account{Balance: paidIn - 10, Holds: []account.Hold{{ID: "h"}}}
		},
		"money is gone":                     func(w *world) { w.accounts["acct-1"] = account.Account{Balance: paidIn - price} },
		"money is made":                     func(w *world) { w.spent++ },
		"the refund's came twice":           func(w *world) { w.arrived["r-0"]++ },
		"it never came":                     func(w *world) { delete(w.arrived, "r-0") },
		"it came, though it failed":         func(w *world) { w.arrived["r-1"]++ },
		"the payment knows nothing of it":   func(w *world) { w.payment.Refunds = w.payment.Refunds[1:] },
		"the payment has it go elsewhere":   func(w *world) { w.payment.Refunds[0].Account = "acct-2" },
		"the payment lacks what nobody got": func(w *world) { w.payment.Refunds[1].Reversed = false },
		"the refund waits":                  func(w *world) { w.refunds["r-1"] = refund.Refund{Status: refund.StatusRequested} },
		"a saga goes on": func(w *world) {
			if err := w.traffic.Add(Saga(), estest.ProcessID).Take(asked); err != nil {
				t.Fatal(err)
			}
		},
	} {
		w := fresh()
		if spoil(w); w.check() == nil {
			t.Errorf("%s, and the check finds nothing", name)
		}
	}
}
