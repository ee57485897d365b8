package proof_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"recount/domain/bank/account"
	"recount/internal/es"
	"recount/internal/proof"
	"recount/internal/serde/serdetest"
)

const (
	forged  = 1_000
	logs    = 20
	perBook = 300
)

// forge has 1,000 logs forged, one way after another, and returns how many of each way a walk finds nothing wrong with.
func forge(t *testing.T, without proof.Guard) (missed map[string]int) {
	t.Helper()
	missed = map[string]int{}
	ways := forgeries()
	codec := serdetest.Codec(t)
	var book *logbook
	var anchored []proof.Head
	for seed := range uint64(forged) {
		rng := rand.New(rand.NewPCG(seed, forged))
		if seed%(forged/logs) == 0 {
			book = someBooks(t, codec, 30, perBook, rng)
			honest := book.walk(book.log, nil, without)
			if honest.Broken > 0 || honest.Events != perBook || honest.Aggregates < 30 || int64(len(honest.Heads)) != honest.Aggregates {
				t.Fatalf("an honest log: %+v", honest)
			}
			anchored = honest.Heads
			if again := book.walk(book.log, anchored, without); again.Broken > 0 {
				t.Fatalf("an honest log, anchored: %+v", again)
			}
		}
		way := ways[seed%uint64(len(ways))]
		log := way.do(forger{book, rng})
		for i := range log {
			log[i].Offset = int64(i)
		}
		if book.walk(log, anchored, without).Broken == 0 {
			missed[way.name]++
		}
	}
	return missed
}

func TestEveryForgeryIsFound(t *testing.T) {
	t.Parallel()
	if missed := forge(t, 0); len(missed) > 0 {
		t.Errorf("of %d forged logs these pass: %v", forged, missed)
	}
}

// TestABrokenWalkMissesSome: every check finds what no other does.
func TestABrokenWalkMissesSome(t *testing.T) {
	t.Parallel()
	for way, guard := range map[string]proof.Guard{
		"alter a bit of a value": proof.GuardLink,
		"alter a bit of a key":   proof.GuardKey,
		"append the first event of an aggregate of another partition": proof.GuardPlace,
		"swap two records":                        proof.GuardOrder,
		"alter an event, and all links behind it": proof.GuardAnchor,
		"drop an aggregate":                       proof.GuardAnchor,
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			if missed := forge(t, guard); missed[way] == 0 {
				t.Errorf("without a check it is found as well; missed: %v", missed)
			}
		})
	}
}

// TestABreakIsNamed: where it is, whose, and how.
func TestABreakIsNamed(t *testing.T) {
	t.Parallel()
	l := newLogbook(t, serdetest.Codec(t))
	id := ids(3)
	deposit := account.FundsDeposited{CustomerID: "ada", Amount: 5, Currency: "EUR", StatusAfter: "open"}
	for range 3 {
		for _, id := range id {
			l.write(account.Type(), id, deposit)
		}
	}
	first, second := id[0], id[1]
	alter := func(at int) []proof.Record {
		log := slices.Clone(l.log)
		log[at].Value = slices.Clone(log[at].Value)
		log[at].Value[len(log[at].Value)-1] ^= 1
		return log
	}
	rename := slices.Clone(l.log)
	rename[4].Key = []byte("account/" + second + "/9")
	takenFor := slices.Clone(l.log)
	takenFor[4].Value = takenFor[8].Value
	for name, tc := range map[string]struct {
		log      []proof.Record
		anchored []proof.Head
		want     proof.Break
	}{
		"altered":       {alter(4), nil, proof.Break{Offset: 4, ID: second, Version: 2, Kind: proof.Altered}},
		"missing":       {slices.Delete(slices.Clone(l.log), 3, 4), nil, proof.Break{Offset: 6, ID: first, Version: 3, Kind: proof.Missing}},
		"repeated":      {append(slices.Clone(l.log), l.log[3]), nil, proof.Break{Offset: 3, ID: first, Version: 2, Kind: proof.Repeated}},
		"misnamed":      {rename, nil, proof.Break{Offset: 4, ID: second, Version: 2, Kind: proof.Misnamed}},
		"another's":     {takenFor[:5], nil, proof.Break{Offset: 4, ID: second, Version: 2, Kind: proof.Altered}},
		"cut":           {l.log[:7], []proof.Head{{Aggregate: "account", ID: second, Version: 3, Chain: l.chains["account/"+second]}}, proof.Break{Offset: 7, ID: second, Version: 2, Kind: proof.Cut}},
		"rewritten":     {l.log, []proof.Head{{Aggregate: "account", ID: second, Version: 2, Chain: es.Hash{1}}}, proof.Break{Offset: 4, ID: second, Version: 2, Kind: proof.Rewritten}},
		"never was":     {l.log, []proof.Head{{Aggregate: "account", ID: ids(4)[3], Version: 2, Chain: es.Hash{1}}}, proof.Break{Offset: 9, ID: ids(4)[3], Kind: proof.Cut}},
		"unreadable":    {append(slices.Clone(l.log), proof.Record{Offset: 9, Key: []byte("account/" + first + "/4"), Value: []byte("?")}), nil, proof.Break{Offset: 9, ID: first, Version: 4, Kind: proof.Unreadable}},
		"out of order":  {[]proof.Record{l.log[1], l.log[0]}, nil, proof.Break{Offset: 0, ID: first, Version: 1, Kind: proof.Disordered}},
		"in many links": {slices.Delete(slices.Clone(l.log), 0, 1), nil, proof.Break{Offset: 3, ID: first, Version: 2, Kind: proof.Missing}},
	} {
		got := l.walk(tc.log, tc.anchored, 0)
		if got.Broken != 1 || len(got.Breaks) != 1 {
			t.Errorf("%s: %+v", name, got)
			continue
		}
		b := got.Breaks[0]
		said, do := b.Differs, b.Kind.Do()
		b.Differs = ""
		tc.want.Topic, tc.want.Partition, tc.want.Aggregate = topic, walked, "account"
		if b != tc.want || said == "" || !strings.HasSuffix(do, ".") {
			t.Errorf("%s: %+v (%s), want %+v", name, b, said, tc.want)
		}
	}
}

// TestWhatRecordsAloneCantTell: a tail that was written anew, by somebody who knows how links are made, is found by
// what was noted before, and by nothing else.
func TestWhatRecordsAloneCantTell(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	book := someBooks(t, serdetest.Codec(t), 5, 100, rng)
	anchored := book.walk(book.log, nil, 0).Heads
	rewritten := forger{book, rng}.rewrite(true)
	if got := book.walk(rewritten, nil, 0); got.Broken != 0 {
		t.Errorf("found without an anchor: %+v", got.Breaks)
	}
	if got := book.walk(rewritten, anchored, 0); got.Broken != 1 {
		t.Errorf("with one: %+v", got.Breaks)
	}
}
