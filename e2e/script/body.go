package script

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"

	"recount/domain/bank/account"
	"recount/internal/es"
)

const (
	depositMax  = 60_000
	withdrawMax = 100_000 // more than comes in: some are refused
)

// body chooses a command. One in some is nonsense for the account as it stands, and will be refused.
func (s *Script) body(l *ledger) account.Command {
	if l.version == 0 && s.random.IntN(5) > 0 {
		return s.open()
	}
	reference := fmt.Sprint("invoice ", s.expected.Messages)
	switch roll := s.random.IntN(100); {
	case roll < 50:
		return account.Deposit{Amount: 1 + s.random.Int64N(depositMax), Currency: currency, Reference: reference, Channel: "online"}
	case roll < 88:
		return account.Withdraw{Amount: 1 + s.random.Int64N(withdrawMax), Currency: currency, Reference: reference, Channel: "atm"}
	case roll < 90:
		return account.Deposit{Amount: 1, Currency: "USD", Reference: reference}
	case roll < 91:
		return account.Deposit{Amount: math.MaxInt64, Currency: currency, Reference: reference}
	case roll < 94:
		return account.Freeze{Reason: reference}
	case roll < 98:
		return account.Unfreeze{}
	case roll < 99:
		return account.Close{}
	}
	return s.open()
}

func (s *Script) open() account.Command {
	return account.Open{CustomerID: fmt.Sprintf("cust-%05d", s.random.IntN(100_000)), Currency: currency, OverdraftLimit: s.random.Int64N(1_000)}
}

// encode makes the frame, as ingest would.
func (s *Script) encode(l *ledger, c *command) error {
	data, err := json.Marshal(fields(c.body))
	if err != nil {
		return err
	}
	meta := es.CommandMeta{CommandID: c.id, AggregateID: l.id, Actor: "script", ExpectedVersion: c.expected}
	c.frame, err = s.o.Codec.CommandFromJSON(wireName(c.body), meta, data)
	return err
}

func (c *command) request(l *ledger) (Request, error) {
	data, err := json.Marshal(fields(c.body))
	return Request{Type: wireName(c.body), ID: l.id, CommandID: c.id, Expected: c.expected, Data: data, Want: c.want}, err
}

// fields are a command's, by the names they have in its schema.
func fields(body account.Command) map[string]any {
	v := reflect.ValueOf(body)
	out := map[string]any{}
	for i := range v.NumField() {
		out[v.Type().Field(i).Tag.Get("avro")] = v.Field(i).Interface()
	}
	return out
}

func wireName(body account.Command) string {
	switch body.(type) {
	case account.Open:
		return "bank.account.open"
	case account.Deposit:
		return "bank.account.deposit"
	case account.Withdraw:
		return "bank.account.withdraw"
	case account.Reserve:
		return "bank.account.reserve"
	case account.Capture:
		return "bank.account.capture"
	case account.Release:
		return "bank.account.release"
	case account.Freeze:
		return "bank.account.freeze"
	case account.Unfreeze:
		return "bank.account.unfreeze"
	case account.Close:
		return "bank.account.close"
	}
	panic(es.Unhandled(body))
}
