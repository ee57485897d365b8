package views

import (
	"fmt"

	"recount/domain/bank/transfer"
	"recount/internal/es"
)

// TransferChange is what one version of a transfer tells: each tells all of it.
type TransferChange struct {
	Context       string `ch:"context"`
	TransferID    string `ch:"transfer_id"`
	Version       uint64 `ch:"version"`
	ValidAt       int64  `ch:"valid_at,millis"`
	RecordedAt    int64  `ch:"recorded_at,millis"`
	Partition     int32  `ch:"partition"`
	Offset        int64  `ch:"offset"`
	CorrelationID string `ch:"correlation_id"`
	Status        string `ch:"status"`
	FromAccount   string `ch:"from_account"`
	ToAccount     string `ch:"to_account"`
	Amount        int64  `ch:"amount"`
	Currency      string `ch:"currency"`
	Reference     string `ch:"reference"`
	// Code is why it failed, and Step what of the saga was refused; empty for one that did not.
	Code string `ch:"code"`
	Step string `ch:"step"`
}

// Transfers is the view of every transfer: what was asked for, and what came of it.
func Transfers() es.View {
	table := es.NewTable[TransferChange]("transfers")
	return es.View{
		Name:     "transfers",
		Revision: 1,
		From:     es.FromEvents,
		// People look here for what they have just done.
		FreshnessMillis: 100,

		Tables: []es.AnyTable{table},
		Map: func(r es.Recorded, out *es.Rows) error {
			if r.Aggregate != "transfer" {
				return nil
			}
			event, ok := r.Event.(transfer.Event)
			if !ok {
				return fmt.Errorf("reading event %s of transfer %s: %T is no event of a transfer", r.Type, r.Meta.AggregateID, r.Event)
			}
			table.Append(out, transferChange(r, event))
			return nil
		},
	}
}

func transferChange(r es.Recorded, event transfer.Event) TransferChange {
	row := TransferChange{
		Context:       r.Context,
		TransferID:    r.Meta.AggregateID,
		Version:       uint64(r.Meta.Version),
		ValidAt:       r.Meta.ValidAt,
		RecordedAt:    r.Meta.RecordedAt,
		Partition:     r.Partition,
		Offset:        r.Offset,
		CorrelationID: r.Meta.CorrelationID,
	}
	tell := func(status transfer.Status, o transfer.Order) {
		row.Status = string(status)
		row.FromAccount, row.ToAccount, row.Amount, row.Currency, row.Reference = o.From, o.To, o.Amount, o.Currency, o.Reference
	}
	switch e := event.(type) {
	case transfer.TransferRequested:
		tell(transfer.StatusRequested, transfer.Order(e))
	case transfer.TransferCompleted:
		tell(transfer.StatusCompleted, transfer.Order(e))
	case transfer.TransferFailed:
		tell(transfer.StatusFailed, transfer.Order{From: e.From, To: e.To, Amount: e.Amount, Currency: e.Currency, Reference: e.Reference})
		row.Code, row.Step = e.Code, e.Step
	default:
		panic(es.Unhandled(e))
	}
	return row
}
