package main

import (
	"context"
	"errors"
	"fmt"

	"recount/bench/ledger"
	benchsubject "recount/bench/subject"
	"recount/e2e/deals"
	"recount/internal/kafka"
	"recount/internal/serde"
)

// verify audits the log: each transfer that was asked for is complete, nothing was moved twice, and what is in the accounts
// is what was paid in. Nothing was refused or set aside on the way.
func verify(ctx context.Context, address string, codec *serde.Codec, transfers int) error {
	cfg := kafka.Config{Brokers: []string{address}}
	log, err := deals.Fold(ctx, cfg, codec, benchsubject.Contexts())
	if err != nil {
		return err
	}
	return errors.Join(complete(log, transfers), ledger.Empty(ctx, address,
		benchsubject.Bank+kafka.RefusalsSuffix, benchsubject.Bank+kafka.DeadLettersSuffix, benchsubject.Bank+kafka.ProcessRefusalsSuffix))
}

// complete audits the bank in a log, in which so many transfers must be complete, and no other be there.
func complete(log *deals.Log, transfers int) error {
	found, err := log.Money()
	if err == nil && found != (deals.Transfers{Completed: transfers}) {
		err = fmt.Errorf("%d transfers were asked for, and there are %+v", transfers, found)
	}
	return err
}
