package proof_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"recount/domain/bank/account"
	"recount/domain/bank/customer"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/partition"
	"recount/internal/proof"
	"recount/internal/serde"
)

// forgery does something to a log that nobody may. It returns another log, and leaves the records of the old one as they are.
type forgery struct {
	name string
	do   func(f forger) []proof.Record
}

// forger is who forges: with a source of chance, and all that is known of how logs are written.
type forger struct {
	*logbook
	rng *rand.Rand
}

func forgeries() []forgery {
	return []forgery{
		{"alter a bit of a value", func(f forger) []proof.Record { return f.flip(func(r *proof.Record) *[]byte { return &r.Value }) }},
		{"alter a bit of a key", func(f forger) []proof.Record { return f.flip(func(r *proof.Record) *[]byte { return &r.Key }) }},
		{"alter an event, and its link with it", func(f forger) []proof.Record { return f.rewrite(false) }},
		{"alter an event, and all links behind it", func(f forger) []proof.Record { return f.rewrite(true) }},
		{"drop some events", forger.dropSome},
		{"drop an aggregate's last events", func(f forger) []proof.Record { return f.dropOf(true) }},
		{"drop an aggregate's first events", func(f forger) []proof.Record { return f.dropOf(false) }},
		{"drop an aggregate", forger.dropAll},
		{"swap two records", forger.swapAny},
		{"swap two events of an aggregate", forger.swapOwn},
		{"swap two values", forger.swapValues},
		{"append what was there before", forger.again},
		{"append an event under another version", forger.renumbered},
		{"append an event that follows from nothing", forger.unlinked},
		{"append the first event of an aggregate of another partition", forger.misplaced},
		{"append garbage", forger.garbage},
	}
}

func (f forger) copied() []proof.Record { return slices.Clone(f.log) }

func (f forger) any() int { return f.rng.IntN(len(f.log)) }

// put inserts a record anywhere.
func (f forger) put(r proof.Record) []proof.Record {
	return slices.Insert(f.copied(), f.rng.IntN(len(f.log)+1), r)
}

func (f forger) flip(part func(*proof.Record) *[]byte) []proof.Record {
	out := f.copied()
	b := part(&out[f.any()])
	*b = bytes.Clone(*b)
	(*b)[f.rng.IntN(len(*b))] ^= 1 << f.rng.IntN(8)
	return out
}

// own returns where the events of an aggregate stand that has two at least.
func (f forger) own() (places []int) {
	for len(places) < 2 {
		places = nil
		name := nameOf(f.log[f.any()])
		for i, r := range f.log {
			if nameOf(r) == name {
				places = append(places, i)
			}
		}
	}
	return places
}

func nameOf(r proof.Record) string { return string(r.Key[:bytes.LastIndexByte(r.Key, '/')]) }

// rewrite alters an event as somebody would who knows how links are made.
func (f forger) rewrite(allBehind bool) []proof.Record {
	out, places := f.copied(), f.own()
	first := f.rng.IntN(len(places))
	previous := es.Hash{}
	if first > 0 {
		previous = es.Hash(out[places[first-1]].Value[serde.HeaderBytes:][:32])
	}
	for i, at := range places[first:] {
		value := bytes.Clone(out[at].Value)
		body := value[serde.HeaderBytes:]
		if i == 0 {
			body[len(body)-1-f.rng.IntN(4)] ^= 1
		}
		schema, err := f.codec.Fingerprint(value)
		if err != nil {
			f.t.Fatal(err)
		}
		previous = engine.Link(previous, schema, body)
		copy(body, previous[:])
		out[at].Value = value
		if !allBehind {
			break
		}
	}
	return out
}

func (f forger) dropSome() []proof.Record {
	from := f.any()
	return slices.Delete(f.copied(), from, min(len(f.log), from+1+f.rng.IntN(5)))
}

func (f forger) dropOf(last bool) []proof.Record {
	places := f.own()
	n := 1 + f.rng.IntN(len(places)-1)
	gone := places[:n]
	if last {
		gone = places[len(places)-n:]
	}
	return f.without(gone)
}

func (f forger) dropAll() []proof.Record { return f.without(f.own()) }

func (f forger) without(places []int) (out []proof.Record) {
	for i, r := range f.log {
		if !slices.Contains(places, i) {
			out = append(out, r)
		}
	}
	return out
}

func (f forger) swap(i, j int) []proof.Record {
	out := f.copied()
	out[i], out[j] = out[j], out[i]
	return out
}

func (f forger) two() (i, j int) {
	for i == j {
		i, j = f.any(), f.any()
	}
	return i, j
}

func (f forger) swapAny() []proof.Record { return f.swap(f.two()) }

func (f forger) swapOwn() []proof.Record {
	places := f.own()
	i := f.rng.IntN(len(places) - 1)
	return f.swap(places[i], places[i+1+f.rng.IntN(len(places)-i-1)])
}

func (f forger) swapValues() []proof.Record {
	i, j := f.two()
	out := f.swap(i, j)
	out[i].Key, out[j].Key = out[j].Key, out[i].Key
	return out
}

func (f forger) again() []proof.Record {
	i := f.any()
	return slices.Insert(f.copied(), i+1+f.rng.IntN(len(f.log)-i), f.log[i])
}

func (f forger) renumbered() []proof.Record {
	r := f.log[f.any()]
	r.Key = fmt.Appendf(nil, "%s/%d", nameOf(r), f.rng.IntN(50)+1000)
	return f.put(r)
}

// elsewhere is a logbook in which nothing was written yet.
func (f forger) elsewhere() *logbook {
	l := newLogbook(f.t, f.codec)
	l.log = f.log
	return l
}

func (f forger) unlinked() []proof.Record {
	name := nameOf(f.log[f.any()])
	_, id, _ := strings.Cut(name, "/")
	return f.put(f.elsewhere().event(account.Type(), id, f.counts["account/"+id]+1+f.rng.Int64N(2), account.AccountClosed{CustomerID: "eve", Currency: "EUR"}))
}

func (f forger) misplaced() []proof.Record {
	id := ""
	for id == "" || partition.Of(id, partitions) == walked {
		id = fmt.Sprint("foreign-", f.rng.IntN(1_000_000))
	}
	return append(f.copied(), f.elsewhere().event(customer.Type(), id, 1, customer.CustomerVerified{}))
}

func (f forger) garbage() []proof.Record {
	r := proof.Record{Key: make([]byte, f.rng.IntN(20)), Value: make([]byte, f.rng.IntN(300))}
	for i := range r.Value {
		r.Value[i] = byte(f.rng.Uint32())
	}
	return f.put(r)
}
