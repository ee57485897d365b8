package acceptance_test

import (
	"context"
	"errors"
	"fmt"

	"recount/cmd/internal/role"
	"recount/e2e/books"
	"recount/internal/clickhouse"
)

// audit compares what was sent with what the log says, and that with the views. Nothing must be lost, nothing doubled.
func audit(ctx context.Context, f *role.Foundation, db *clickhouse.DB, sent map[books.Command]bool) error {
	l, err := books.Fold(ctx, f.Kafka, f.Codec)
	if err != nil {
		return err
	}
	var faults []error
	for key := range sent {
		if !l.Outcomes[key] {
			faults = append(faults, fmt.Errorf("command %v has no outcome: %w", key, books.ErrLost))
			break // one is enough to know
		}
	}
	if len(l.Outcomes) > len(sent) {
		faults = append(faults, fmt.Errorf("%d commands have an outcome, %d were sent: %w", len(l.Outcomes), len(sent), books.ErrWrong))
	}
	return errors.Join(append(faults, l.Compare(ctx, db))...)
}
