package refund_test

import (
	"math"
	"os"
	"testing"

	. "recount/domain/shop/refund"
	"recount/internal/es/estest"
)

var (
	request   = Request{PaymentID: "o-1", Account: "acct-1", Amount: 605, Tax: 105, Currency: "EUR", Reason: "torn"}
	requested = RefundRequested(request)
	completed = RefundCompleted(request)
	failed    = RefundFailed{
		PaymentID: "o-1", Account: "acct-1", Amount: 605, Tax: 105, Currency: "EUR", Reason: "torn", Code: "account/closed", Step: "deposit",
	}
)

func cases() []estest.Case[Command, Event] {
	given := func(events ...Event) []Event { return events }
	with := func(change func(*Request)) Request {
		r := request
		change(&r)
		return r
	}
	return []estest.Case[Command, Event]{
		{Name: "request", When: request, Then: given(requested)},
		{Name: "request again", Given: given(requested), When: request},
		{Name: "request again after the end", Given: given(requested, completed), When: request},
		{Name: "request again after it failed", Given: given(requested, failed), When: request},
		{Name: "request another under the same ID", Given: given(requested), When: with(func(r *Request) { r.Amount++ }), Refused: AlreadyRequested},
		{Name: "request of another payment", Given: given(requested), When: with(func(r *Request) { r.PaymentID = "o-2" }), Refused: AlreadyRequested},
		{Name: "request of no payment", When: with(func(r *Request) { r.PaymentID = "" }), Refused: PaymentMissing},
		{Name: "request into no account", When: with(func(r *Request) { r.Account = "" }), Refused: AccountMissing},
		{Name: "request no currency", When: with(func(r *Request) { r.Currency = "euro" }), Refused: CurrencyInvalid},
		{Name: "request nothing", When: with(func(r *Request) { r.Amount, r.Tax = 0, 0 }), Refused: AmountNotPositive},
		{Name: "request less than nothing", When: with(func(r *Request) { r.Amount = math.MinInt64 }), Refused: AmountNotPositive},
		{Name: "request more tax than money", When: with(func(r *Request) { r.Tax = 606 }), Refused: TaxInvalid},
		{Name: "request a tax below nothing", When: with(func(r *Request) { r.Tax = -1 }), Refused: TaxInvalid},
		{Name: "complete", Given: given(requested), When: Complete{}, Then: given(completed)},
		{Name: "complete again", Given: given(requested, completed), When: Complete{}},
		{Name: "complete what nobody requested", When: Complete{}, Refused: NotRequested},
		{Name: "complete what failed", Given: given(requested, failed), When: Complete{}, Refused: AlreadyFailed},
		{Name: "fail", Given: given(requested), When: Fail{Code: "account/closed", Step: "deposit"}, Then: given(failed)},
		{Name: "fail again", Given: given(requested, failed), When: Fail{Code: "other"}},
		{Name: "fail what nobody requested", When: Fail{}, Refused: NotRequested},
		{Name: "fail what is complete", Given: given(requested, completed), When: Fail{}, Refused: AlreadyCompleted},
	}
}

func TestRefund(t *testing.T) {
	t.Parallel()
	estest.Run[Refund](t, cases())
}

func TestEveryRefusalCommandAndEventHasARow(t *testing.T) {
	t.Parallel()
	estest.Complete(t, Type(), os.DirFS("."), cases())
}
