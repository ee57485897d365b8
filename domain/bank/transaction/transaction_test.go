package transaction_test

import (
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	. "recount/domain/bank/transaction"
	"recount/internal/es/estest"
)

type row = estest.Case[Command, Event]

var (
	salary    = []Leg{{Account: "firm", Amount: -100}, {Account: "ada", Amount: 70}, {Account: "office", Amount: 30}}
	back      = []Leg{{Account: "ada", Amount: -70}, {Account: "firm", Amount: 100}, {Account: "office", Amount: -30}}
	post      = Post{Currency: "EUR", Legs: salary, Reference: "march"}
	requested = TransactionRequested(post)
	posted    = TransactionPosted(post)
	failed    = TransactionFailed{Currency: "EUR", Legs: salary, Reference: "march", Code: "account/closed", Step: "give"}
	claimed   = ReversalClaimed{Currency: "EUR", Legs: salary, By: "r-1"}
	released  = ReversalReleased{Currency: "EUR", Legs: salary, By: "r-1"}
	reversed  = TransactionReversed{Currency: "EUR", Legs: salary, By: "r-1"}
	claim     = ClaimReversal{By: "r-1", Currency: "EUR", Legs: back}
)

func given(events ...Event) []Event { return events }

func of(legs ...Leg) Post { return Post{Currency: "EUR", Legs: legs, Reference: "march"} }

func cases() []row { return slices.Concat(posts(), ends(), reversals()) }

func posts() []row {
	many := make([]Leg, LegsMax+1)
	for i := range many {
		many[i] = Leg{Account: fmt.Sprint(i), Amount: 1}
	}
	many[0].Amount = -LegsMax
	usd := post
	usd.Currency = "euro"
	other := post
	other.Reference = "april"
	return []row{
		{Name: "post", When: post, Then: given(requested)},
		{
			Name: "post what takes another back", When: Post{Currency: "EUR", Legs: back, Reverses: "t-1"},
			Then: given(TransactionRequested{Currency: "EUR", Legs: back, Reverses: "t-1"}),
		},
		{Name: "post all that there can be", When: of(Leg{"a", math.MaxInt64}, Leg{"b", -math.MaxInt64}), Then: given(TransactionRequested(of(Leg{"a", math.MaxInt64}, Leg{"b", -math.MaxInt64})))},
		{Name: "post again", Given: given(requested), When: post},
		{Name: "post again after the end", Given: given(requested, posted, claimed, reversed), When: post},
		{Name: "post another under the same ID", Given: given(requested), When: other, Refused: AlreadyRequested},
		{Name: "post other legs under the same ID", Given: given(requested), When: Post{Currency: "EUR", Legs: back, Reference: "march"}, Refused: AlreadyRequested},
		{Name: "post no currency", When: usd, Refused: CurrencyInvalid},
		{Name: "post nothing", When: of(), Refused: TooFewLegs},
		{Name: "post one leg", When: of(Leg{"a", 1}), Refused: TooFewLegs},
		{Name: "post too many legs", When: of(many...), Refused: TooManyLegs},
		{Name: "post as many as there may be", When: of(append(slices.Clone(many[1:LegsMax]), Leg{"x", 1 - LegsMax})...), Then: given(TransactionRequested(of(append(slices.Clone(many[1:LegsMax]), Leg{"x", 1 - LegsMax})...)))},
		{Name: "post to nobody", When: of(Leg{"a", 1}, Leg{"", -1}), Refused: AccountMissing},
		{Name: "post twice to one", When: of(Leg{"a", 1}, Leg{"a", -1}), Refused: AccountTwice},
		{Name: "post a leg that does nothing", When: of(Leg{"a", 1}, Leg{"b", -1}, Leg{"c", 0}), Refused: AmountZero},
		{Name: "post a leg that has no opposite", When: of(Leg{"a", math.MinInt64}, Leg{"b", 1}), Refused: AmountZero},
		{Name: "post more than is taken", When: of(Leg{"a", 2}, Leg{"b", -1}), Refused: Unbalanced},
		{Name: "post what comes to nothing by wrapping around", When: of(Leg{"a", math.MaxInt64}, Leg{"b", math.MaxInt64}, Leg{"c", 2}), Refused: Unbalanced},
		{Name: "post what is taken by wrapping around", When: of(Leg{"a", -math.MaxInt64}, Leg{"b", -math.MaxInt64}, Leg{"c", -2}), Refused: Unbalanced},
	}
}

func ends() []row {
	fail := Fail{Code: "account/closed", Step: "give"}
	return []row{
		{Name: "complete", Given: given(requested), When: Complete{}, Then: given(posted)},
		{Name: "complete again", Given: given(requested, posted), When: Complete{}},
		{Name: "complete what was reversed", Given: given(requested, posted, claimed, reversed), When: Complete{}},
		{Name: "complete what nobody requested", When: Complete{}, Refused: NotRequested},
		{Name: "complete what failed", Given: given(requested, failed), When: Complete{}, Refused: AlreadyFailed},
		{Name: "fail", Given: given(requested), When: fail, Then: given(failed)},
		{Name: "fail again", Given: given(requested, failed), When: Fail{Code: "other"}},
		{Name: "fail what nobody requested", When: fail, Refused: NotRequested},
		{Name: "fail what is posted", Given: given(requested, posted), When: fail, Refused: AlreadyPosted},
		{Name: "fail what was reversed", Given: given(requested, posted, claimed, reversed), When: fail, Refused: AlreadyPosted},
	}
}

func reversals() []row {
	dollars, half := claim, claim
	dollars.Currency = "USD"
	half.Legs = []Leg{{"ada", -35}, {"firm", 50}, {"office", -15}}
	other := ClaimReversal{By: "r-2", Currency: "EUR", Legs: back}
	return []row{
		{Name: "claim", Given: given(requested, posted), When: claim, Then: given(claimed)},
		{Name: "claim again", Given: given(requested, posted, claimed), When: claim},
		{Name: "claim again after the end", Given: given(requested, posted, claimed, reversed), When: claim},
		{Name: "claim after another gave up", Given: given(requested, posted, claimed, released), When: other, Then: given(ReversalClaimed{Currency: "EUR", Legs: salary, By: "r-2"})},
		{Name: "claim what another has", Given: given(requested, posted, claimed), When: other, Refused: AlreadyReversed},
		{Name: "claim what another took back", Given: given(requested, posted, claimed, reversed), When: other, Refused: AlreadyReversed},
		{Name: "claim with the same legs", Given: given(requested, posted), When: ClaimReversal{By: "r-1", Currency: "EUR", Legs: salary}, Refused: NotOpposite},
		{Name: "claim with half of it", Given: given(requested, posted), When: half, Refused: NotOpposite},
		{Name: "claim with some of the legs", Given: given(requested, posted), When: ClaimReversal{By: "r-1", Currency: "EUR", Legs: back[:2]}, Refused: NotOpposite},
		{Name: "claim in another currency", Given: given(requested, posted), When: dollars, Refused: NotOpposite},
		{Name: "claim what nobody requested", When: claim, Refused: NotPosted},
		{Name: "claim what is not posted", Given: given(requested), When: claim, Refused: NotPosted},
		{Name: "claim what failed", Given: given(requested, failed), When: claim, Refused: NotPosted},

		{Name: "release", Given: given(requested, posted, claimed), When: ReleaseReversal{By: "r-1"}, Then: given(released)},
		{Name: "release again", Given: given(requested, posted, claimed, released), When: ReleaseReversal{By: "r-1"}},
		{Name: "release what another has", Given: given(requested, posted, claimed), When: ReleaseReversal{By: "r-2"}},
		{Name: "release what nobody requested", When: ReleaseReversal{By: "r-1"}, Refused: NotRequested},
		{Name: "release what was taken back", Given: given(requested, posted, claimed, reversed), When: ReleaseReversal{By: "r-1"}, Refused: AlreadyReversed},

		{Name: "confirm", Given: given(requested, posted, claimed), When: ConfirmReversal{By: "r-1"}, Then: given(reversed)},
		{Name: "confirm again", Given: given(requested, posted, claimed, reversed), When: ConfirmReversal{By: "r-1"}},
		{Name: "confirm what another has", Given: given(requested, posted, claimed), When: ConfirmReversal{By: "r-2"}, Refused: AlreadyReversed},
		{Name: "confirm what nobody claimed", Given: given(requested, posted), When: ConfirmReversal{By: "r-1"}, Refused: NotClaimed},
		{Name: "confirm what was given up", Given: given(requested, posted, claimed, released), When: ConfirmReversal{By: "r-1"}, Refused: NotClaimed},
		{Name: "confirm what nobody requested", When: ConfirmReversal{By: "r-1"}, Refused: NotRequested},
	}
}

func TestTransaction(t *testing.T) {
	t.Parallel()
	estest.Run[Transaction](t, cases())
}

func TestEveryRefusalCommandAndEventHasARow(t *testing.T) {
	t.Parallel()
	estest.Complete(t, Type(), os.DirFS("."), cases())
}
