package audit

import (
	"bytes"
	"slices"
	"testing"

	"recount/internal/engine"
	"recount/internal/es"
)

// remove returns list without its element n, and double with it twice: late says how many places later.
func remove(list []Record, n int) []Record { return slices.Delete(slices.Clone(list), n, n+1) }

func double(list []Record, n, late int) []Record {
	return slices.Insert(slices.Clone(list), min(len(list), n+1+late), list[n])
}

func flipped(value []byte) []byte {
	out := slices.Clone(value)
	out[len(out)-3] ^= 1
	return out
}

// withoutFirst is partition 1 without the events of the account that has its first.
func (h *history) withoutFirst() []Record {
	id := idOf(h.events[1][0])
	return slices.DeleteFunc(slices.Clone(h.events[1]), func(r Record) bool { return bytes.Equal(idOf(r), id) })
}

// idOf is the account's ID in the key of an event ("account/ID/version") or a refusal ("ID/command").
func idOf(r Record) []byte {
	key := bytes.TrimPrefix(r.Key, []byte("account/"))
	id, _, _ := bytes.Cut(key, []byte("/"))
	return id
}

// withoutRefused removes the first refusal of an account that has another later on.
func (h *history) withoutRefused() []Record {
	list := h.refusals[0]
	for n, r := range list {
		if slices.ContainsFunc(list[n+1:], func(o Record) bool { return bytes.Equal(idOf(r), idOf(o)) }) {
			return remove(list, n)
		}
	}
	return nil
}

// swap has two events of one account change places.
func (h *history) swap() {
	list := h.events[0]
	for n := range list {
		if bytes.Equal(idOf(list[0]), idOf(list[n])) && n > 0 {
			list[0], list[n] = list[n], list[0]
			return
		}
	}
}

// decideAgain appends what a worker would write that does not recognise a command it has decided: the next version of
// its account, in its chain, with an event ID of its own.
func (h *history) decideAgain(t *testing.T) {
	t.Helper()
	owner, err := engine.Open(config(h.codec, 0), nothing{})
	if err != nil {
		t.Fatal(err)
	}
	stored := make([]engine.Stored, len(h.events[0]))
	for n, r := range h.events[0] {
		stored[n] = engine.Stored{Offset: r.Offset, Key: r.Key, Value: r.Value}
	}
	if err := owner.FoldEvents(stored, int64(len(stored))); err != nil {
		t.Fatal(err)
	}
	id := string(idOf(h.events[0][0]))
	e, err := h.codec.Context("bank").DecodeEvent(h.events[0][0].Value)
	if err != nil {
		t.Fatal(err)
	}
	frame, err := h.codec.CommandFromJSON("bank.account.deposit", es.CommandMeta{AggregateID: id, CommandID: e.Meta.CommandID + "-again"}, []byte(`{"amount":1,"currency":"EUR","reference":"x","channel":""}`))
	if err != nil {
		t.Fatal(err)
	}
	fx, err := owner.Step(1, []engine.Input{{Channel: engine.Commands, Offset: messages, Value: frame}})
	if err != nil || len(fx.Events) != 1 {
		t.Fatalf("%v %+v", err, fx)
	}
	h.events[0] = append(h.events[0], Record{Offset: int64(len(stored)), ProducerID: 1, ProducerEpoch: -1, Key: fx.Events[0].Key, Value: fx.Events[0].Value})
}

// zombie has the transaction of the first record write the last one as well, behind all others.
func (h *history) zombie() {
	list := h.events[0]
	last := &list[len(list)-1]
	last.ProducerID, last.ProducerEpoch = list[0].ProducerID, list[0].ProducerEpoch
}
