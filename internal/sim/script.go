package sim

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"recount/internal/es"
	"recount/internal/partition"
	"recount/internal/serde"
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// order is a command on its way: what a producer sends, where and when.
type order struct {
	at        time.Duration
	partition int32
	key       string
	frame     []byte
}

// scriptConfig says what is asked of the bank.
type scriptConfig struct {
	partitions int32
	commands   int
	accounts   int
	span       time.Duration // over which they are sent
}

// lateMax is how much later than the first time a command may be sent again, as a share of all of them.
const lateMax = 4

// script returns the same orders for the same rng: accounts opened, money moved, frozen and closed, customers
// registered; expected versions that hold and that do not; a tenth of it sent again, at once or much later; some IDs
// used twice for different commands; some sent to the wrong partition; and a little that is no command at all.
func script(codec *serde.Codec, rng *rand.Rand, c scriptConfig) []order {
	var out []order
	for i := range c.commands {
		at := c.span * time.Duration(i) / time.Duration(c.commands)
		o := compose(codec, rng, c, i)
		o.at = at
		out = append(out, o)
		switch rng.IntN(40) {
		case 0, 1, 2, 3: // again, soon or late
			o.at += time.Duration(rng.Int64N(int64(c.span)/lateMax + 1))
			out = append(out, o)
		case 4: // another command under the same ID
			other := compose(codec, rng, c, i)
			other.at = at + time.Duration(rng.Int64N(int64(c.span)/lateMax+1))
			out = append(out, other)
		case 5: // where it does not belong
			out[len(out)-1].partition = (o.partition + 1) % c.partitions
		case 6:
			out = append(out, order{at: at, partition: rng.Int32N(c.partitions), key: "?", frame: fmt.Appendf(nil, "no frame, number %d", i)})
		}
	}
	slices.SortStableFunc(out, func(a, b order) int { return cmp.Compare(a.at, b.at) })
	return out
}

// deposits are c.commands deposits of 1, which all succeed: on c.accounts accounts in turn, that are opened first.
func deposits(codec *serde.Codec, c scriptConfig, name string) []order {
	var out []order
	add := func(at time.Duration, account int, kind, id, data string) {
		out = append(out, orderOf(codec, c, at, contextName+".account."+kind, es.CommandMeta{AggregateID: fmt.Sprint("acct-", account), CommandID: name + id, ReplyTo: "caller"}, data))
	}
	for n := range c.accounts {
		add(0, n, "open", fmt.Sprint("-open-", n), `{"customer_id":"ada","currency":"EUR"}`)
	}
	for n := range c.commands {
		add(c.span*time.Duration(n)/time.Duration(c.commands), n%c.accounts, "deposit", fmt.Sprint("-", n), `{"amount":1,"currency":"EUR","reference":"in"}`)
	}
	return out
}

func orderOf(codec *serde.Codec, c scriptConfig, at time.Duration, command string, meta es.CommandMeta, data string) order {
	frame, err := codec.CommandFromJSON(command, meta, []byte(data))
	if err != nil {
		panic("sim: the script has a command that does not fit its schema: " + err.Error())
	}
	return order{at: at, partition: partition.Of(meta.AggregateID, c.partitions), key: meta.AggregateID, frame: frame}
}

// compose returns command number i.
func compose(codec *serde.Codec, rng *rand.Rand, c scriptConfig, i int) order {
	meta := es.CommandMeta{AggregateID: fmt.Sprint("acct-", rng.IntN(c.accounts)), CommandID: fmt.Sprint("c", i)}
	if rng.IntN(2) == 0 {
		meta.ReplyTo = "caller"
	}
	if rng.IntN(6) == 0 {
		v := rng.Int64N(8)
		meta.ExpectedVersion = &v
	}
	kind, data := ask(rng, i < 2*c.accounts)
	return orderOf(codec, c, 0, contextName+"."+kind, meta, data)
}

// ask chooses what is asked, of a new account as a rule that it be opened.
func ask(rng *rand.Rand, early bool) (kind, data string) {
	if early && rng.IntN(4) > 0 {
		return "account.open", fmt.Sprintf(`{"customer_id":"ada","currency":"EUR","overdraft_limit":%d}`, rng.IntN(100))
	}
	switch n := rng.IntN(40); {
	case n < 20:
		return "account.deposit", fmt.Sprintf(`{"amount":%d,"currency":"EUR","reference":"in"}`, 1+rng.IntN(60))
	case n < 35:
		return "account.withdraw", fmt.Sprintf(`{"amount":%d,"currency":"EUR","reference":"out"}`, 1+rng.IntN(90))
	case n == 35:
		return "account.freeze", `{"reason":"court order"}`
	case n == 36:
		return "account.unfreeze", ``
	case n == 37:
		return "account.close", ``
	case n == 38:
		return "account.open", `{"customer_id":"bob","currency":"EUR"}`
	}
	return "customer.register", `{"name":"Ada","email":"ada@example.org","address":{"street":"1 Main St","city":"London","postal_code":"N1","country":"GB"}}`
}
