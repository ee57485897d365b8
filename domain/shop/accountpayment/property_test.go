package accountpayment_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"recount/domain/bank/account"
	. "recount/domain/shop/accountpayment"
	"recount/domain/shop/payment"
	"recount/internal/es"
	"recount/internal/es/estest"
	"recount/internal/es/saga"
)

const (
	paidIn = 2_000
	price  = 1_210
)

// world is a payment, the account that it comes from, and the saga between them.
type world struct {
	account account.Account
	payment payment.Payment
	spent   int64 // by the account's owner meanwhile

	traffic estest.Traffic
	saga    *estest.Instance
}

func newWorld(t *rapid.T) *world {
	w := &world{}
	w.traffic.Decide = w.decide
	w.saga = w.traffic.Add(Saga(), estest.ProcessID)
	_ = w.ofBank(account.Open{CustomerID: "ada", Currency: "EUR"})
	_ = w.ofBank(account.Deposit{Amount: paidIn, Currency: "EUR"})
	currency := rapid.SampledFrom([]string{"EUR", "EUR", "EUR", "USD"}).Draw(t, "currency")
	_ = w.ofShop(payment.Request{OrderID: "o-1", CustomerID: "ada", Amount: price, Currency: currency, Account: "acct-1"})
	return w
}

func (w *world) ofBank(c account.Command) (err error) {
	w.account, err = estest.Ask(&w.traffic, account.Type(), "acct-1", w.account, c)
	return err
}

func (w *world) ofShop(c payment.Command) (err error) {
	w.payment, err = estest.Ask(&w.traffic, payment.Type(), "1", w.payment, c)
	return err
}

func (w *world) decide(r es.Request) error {
	if r.Context == "bank" {
		return w.ofBank(r.Body.(account.Command))
	}
	return w.ofShop(r.Body.(payment.Command))
}

// others are the shop, the account's owner and a court: they do as they please, also too late.
func (w *world) others(t *rapid.T) {
	switch rapid.IntRange(0, 11).Draw(t, "who") {
	case 0:
		_ = w.ofShop(payment.Cancel{Reason: "no longer wanted"})
	case 1:
		_ = w.ofShop(payment.Decline{Reason: "somebody says so"})
	case 2:
		_ = w.ofShop(payment.Refund{RefundID: "r-1", Amount: price, Currency: "EUR"})
	case 3:
		_ = w.ofShop(payment.Refund{RefundID: "r-2", Amount: 10, Currency: "EUR"})
	case 4:
		_ = w.ofBank(account.Freeze{Reason: "court order"})
	case 5:
		if spend := rapid.Int64Range(1, paidIn).Draw(t, "spent"); w.ofBank(account.Withdraw{Amount: spend, Currency: "EUR"}) == nil {
			w.spent += spend
		}
	case 6:
		_ = w.ofShop(payment.Settle{})
	case 7, 8:
		_ = w.ofShop(payment.Capture{})
	default:
		_ = w.ofShop(payment.Collect{})
	}
}

func (w *world) ended() bool { return w.saga.State.(saga.Instance[Debit]).Phase.Ended() }

// check says what is not where it should be once the saga has ended.
func (w *world) check() error {
	received := w.payment.Status == payment.StatusReceived || w.payment.Settled
	taken := paidIn - w.spent - w.account.Balance
	switch {
	case !w.ended():
		return errors.New("the saga has not ended")
	case len(w.account.Holds) > 0:
		return errors.New("something is still set aside")
	case received != (taken == price) || !received && taken != 0:
		return errors.New("the shop has received something else than the account has lost")
	case !received && w.payment.Status != payment.StatusDeclined && w.payment.Status != payment.StatusCancelled && w.payment.Status != payment.StatusRefunded:
		return errors.New("the payment waits for ever")
	}
	return nil
}

// TestWhatIsCollectedIsWhatTheAccountLost has commands, answers and events come in any order, or twice, while the shop,
// the account's owner and a court do as they please. In the end nothing is set aside, and the account lost what the shop
// has received: all of it, or nothing.
func TestWhatIsCollectedIsWhatTheAccountLost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		w.traffic.Run(t, w.ended, w.others)
		if err := w.check(); err != nil {
			t.Fatalf("%v\n%+v\n%+v\n%+v", err, w.account, w.payment, w.saga.State)
		}
		if err := w.saga.CheckFold(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestTheCheckFindsWhatIsWrong spoils a payment that went well, in each way that it is checked for.
func TestTheCheckFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*world){
		"a hold is left":            func(w *world) { w.account.Holds = []account.Hold{{ID: "payment/1", Amount: price}} },
		"the money was never taken": func(w *world) { w.account.Balance += price },
		"it was taken twice":        func(w *world) { w.account.Balance -= price },
		"the shop did not get it":   func(w *world) { w.payment.Status, w.payment.Settled = payment.StatusCancelled, false },
		"the payment waits": func(w *world) {
			w.payment.Status, w.payment.Settled, w.account.Balance = payment.StatusAuthorised, false, paidIn
		},
		"the saga goes on": func(w *world) { w.saga = estest.NewInstance(Saga(), estest.ProcessID) },
	} {
		w := world{
			account: account.Account{Balance: paidIn - price}, payment: payment.Payment{Status: payment.StatusReceived, Settled: true},
			saga: estest.NewInstance(Saga(), estest.ProcessID),
		}
		for _, input := range until(7) {
			if err := w.saga.Take(input); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.check(); err != nil {
			t.Fatalf("nothing is wrong, and yet: %v", err)
		}
		if spoil(&w); w.check() == nil {
			t.Errorf("%s: the check finds nothing", name)
		}
	}
}
