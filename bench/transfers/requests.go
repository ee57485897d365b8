package main

import (
	"fmt"
	"iter"
	"math/rand/v2"

	"github.com/twmb/franz-go/pkg/kgo"

	"recount/bench/workload"
	"recount/internal/es"
	"recount/internal/partition"
	"recount/internal/serde"
)

const (
	accountsMax  = 1_000_000
	transfersMax = 10_000_000
	currency     = "EUR"
	// paidIn is what every account begins with, and amountMax what a transfer moves at most, in cents: whoever gives in
	// every transfer there can be has enough. So each transfer takes all steps.
	paidIn    = amountMax * transfersMax
	amountMax = 50_000
	// openings is how many commands, and so events, an account begins with.
	openings = 2
)

// paper makes commands up. The same seed makes the same commands.
type paper struct {
	codec      *serde.Codec
	accounts   int
	partitions int32
	random     *rand.Rand
}

func newPaper(codec *serde.Codec, o options) *paper {
	return &paper{codec: codec, accounts: o.accounts, partitions: int32(o.partitions), random: rand.New(rand.NewPCG(o.seed, 0))}
}

// opening opens the accounts and pays into each.
func (p *paper) opening() ([]*kgo.Record, error) {
	var out []*kgo.Record
	for n := range p.accounts {
		id := workload.AccountID(n)
		open, err := p.command("bank.account.open", id, fmt.Sprintf(`{"customer_id":"cust-%06d","currency":%q}`, n, currency))
		if err != nil {
			return nil, err
		}
		deposit, err := p.command("bank.account.deposit", id, fmt.Sprintf(`{"amount":%d,"currency":%q}`, paidIn, currency))
		if err != nil {
			return nil, err
		}
		out = append(out, open, deposit)
	}
	return out, nil
}

// transferID is the ID of transfer number n.
func transferID(n int) string { return fmt.Sprintf("t-%08d", n) }

// requests ask for transfers, each between two accounts.
func (p *paper) requests(transfers int) ([]*kgo.Record, error) {
	out := make([]*kgo.Record, 0, transfers)
	for n := range transfers {
		from := p.random.IntN(p.accounts)
		to := (from + 1 + p.random.IntN(p.accounts-1)) % p.accounts
		r, err := p.command("bank.transfer.request", transferID(n), fmt.Sprintf(
			`{"from_account":%q,"to_account":%q,"amount":%d,"currency":%q,"reference":"invoice %d"}`,
			workload.AccountID(from), workload.AccountID(to), 1+p.random.Int64N(amountMax), currency, n))
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func (p *paper) command(wire, id, fields string) (*kgo.Record, error) {
	meta := es.CommandMeta{AggregateID: id, CommandID: p.uuid(), CorrelationID: p.uuid(), Actor: "counter-7"}
	frame, err := p.codec.CommandFromJSON(wire, meta, []byte(fields))
	if err != nil {
		return nil, fmt.Errorf("%s to %s: %w", wire, id, err)
	}
	return &kgo.Record{Key: []byte(id), Value: frame, Partition: partition.Of(id, p.partitions)}, nil
}

// uuid is as long as those that producers commonly send.
func (p *paper) uuid() string {
	var id es.ID
	for i := range id {
		id[i] = byte(p.random.Uint32())
	}
	return id.String()
}

// each yields records that are all there.
func each(records []*kgo.Record) iter.Seq2[*kgo.Record, error] {
	return func(yield func(*kgo.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}
