package serde

import (
	"testing"

	"recount/domain"
	"recount/domain/bank/account"
	"recount/internal/es"
	"recount/schemas/avro"
)

const depositJSON = `{"amount":1999,"currency":"EUR","reference":"salary"}`

func bankCodec(b *testing.B) *Codec {
	b.Helper()
	catalog, err := NewCatalog(avro.FS, domain.Contexts())
	if err != nil {
		b.Fatal(err)
	}
	return catalog.Offline()
}

var depositMeta = es.CommandMeta{CommandID: "0197f0a6-2c5e-7b7a-a1f3-6f2f1d0f3b11", AggregateID: "acct-123456", Actor: "teller"}

var aDeposit = account.FundsDeposited{CustomerID: "cust-1", Amount: 1999, Currency: "EUR", Reference: "salary", BalanceAfter: 5000, StatusAfter: "open"}

func BenchmarkAppendEvent(b *testing.B) {
	c := bankCodec(b).Context("bank")
	meta := oldMeta("acct-123456")
	var event any = aDeposit
	a := account.Type()
	dst := make([]byte, 0, 1<<10)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, _, err := c.AppendEvent(dst, a, &meta, event); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeEvent(b *testing.B) {
	c := bankCodec(b).Context("bank")
	meta := oldMeta("acct-123456")
	newest, _, _, err := c.AppendEvent(nil, account.Type(), &meta, aDeposit)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("newest", func(b *testing.B) { decode(b, c.DecodeEvent, newest) })
	b.Run("lifted", func(b *testing.B) { decode(b, c.DecodeEvent, frameFile(b, "FundsDeposited.v1.hex")) })
}

func decode[E any](b *testing.B, read func([]byte) (E, error), frame []byte) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := read(frame); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeCommand(b *testing.B) {
	codec := bankCodec(b)
	frame, err := codec.CommandFromJSON("bank.account.deposit", depositMeta, []byte(depositJSON))
	if err != nil {
		b.Fatal(err)
	}
	decode(b, codec.Context("bank").DecodeCommand, frame)
}

func BenchmarkCommandFromJSON(b *testing.B) {
	codec := bankCodec(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := codec.CommandFromJSON("bank.account.deposit", depositMeta, []byte(depositJSON)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEventToJSON(b *testing.B) {
	decode(b, bankCodec(b).EventToJSON, frameFile(b, "FundsDeposited.v1.hex"))
}

func BenchmarkState(b *testing.B) {
	c, a := bankCodec(b).Context("bank"), account.Type()
	var state any = account.Account{Status: "open", CustomerID: "cust-1", Currency: "EUR", Balance: 5000}
	value, err := c.AppendState(nil, a, state)
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]byte, 0, 1<<10)
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.AppendState(dst, a, state); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		decode(b, func(v []byte) (any, error) { return c.DecodeState(a, v) }, value)
	})
}

func BenchmarkNewCatalog(b *testing.B) {
	for b.Loop() {
		if _, err := NewCatalog(avro.FS, domain.Contexts()); err != nil {
			b.Fatal(err)
		}
	}
}
