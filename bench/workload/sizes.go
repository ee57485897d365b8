package workload

import (
	"fmt"

	"recount/domain/bank/account"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/serde"
)

// sizes learns how large the events of a stream are, from a sample: a bare loop writes records of that size.
type sizes struct {
	codec              engine.Codec
	accounts           es.AggregateType
	seen               int
	keyBytes, sumBytes int64
	buffer             []byte
}

func newSizes(codec *serde.Codec) *sizes {
	return &sizes{codec: codec.Context("bank"), accounts: account.Type()}
}

func (s *sizes) sample(steps []step) error {
	for i := range steps {
		if steps[i].number%sampleEvery == 0 {
			if err := s.measure(&steps[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// measure encodes the event that a step leads to. Places and times stand for themselves: they vary by a byte or two.
func (s *sizes) measure(step *step) error {
	m := &step.meta
	meta := es.Meta{
		AggregateID: m.AggregateID, Version: step.after.Version, CommandID: m.CommandID, CorrelationID: m.CorrelationID,
		CausationID: m.CommandID, Actor: m.Actor, Source: es.Source{Topic: "bank.commands", Offset: int64(step.number)},
		CommandHash: 1 << 62, ValidAt: *m.ValidAt, RecordedAt: *m.ValidAt,
	}
	frame, _, _, err := s.codec.AppendEvent(s.buffer[:0], s.accounts, &meta, eventAfter(step))
	if err != nil {
		return fmt.Errorf("the event after command %d: %w", step.number, err)
	}
	s.buffer = frame
	s.seen++
	s.sumBytes += int64(len(frame))
	s.keyBytes += int64(len(EventKey(m.AggregateID, meta.Version)))
	return nil
}

// EventKey is the key of an account's event.
func EventKey(id string, version int64) string { return fmt.Sprintf("account/%s/%d", id, version) }

func eventAfter(step *step) account.Event {
	customer := fmt.Sprintf("cust-%06d", step.account)
	switch c := step.command.(type) {
	case account.Open:
		return account.AccountOpened{CustomerID: c.CustomerID, Currency: c.Currency}
	case account.Deposit:
		return account.FundsDeposited{
			CustomerID: customer, Amount: c.Amount, Currency: c.Currency, Reference: c.Reference,
			BalanceAfter: step.after.Balance, StatusAfter: account.StatusOpen, Channel: c.Channel,
		}
	case account.Withdraw:
		return account.FundsWithdrawn{
			CustomerID: customer, Amount: c.Amount, Currency: c.Currency, Reference: c.Reference,
			BalanceAfter: step.after.Balance, StatusAfter: account.StatusOpen, Channel: c.Channel,
		}
	case account.Reserve, account.Capture, account.Release, account.Freeze, account.Unfreeze, account.Close:
	}
	panic(es.Unhandled(step.command)) // the script has no others
}

func (s *sizes) means() (keyBytes, eventBytes int) {
	return int(s.keyBytes / int64(s.seen)), int(s.sumBytes / int64(s.seen))
}
