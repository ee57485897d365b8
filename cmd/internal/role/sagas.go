package role

import (
	"context"
	"fmt"

	"recount/domain/audit"
	"recount/internal/clickhouse"
)

// SagaStanding is where the instances of one saga are, as the views show it.
type SagaStanding struct {
	Context string `json:"context" ch:"context"`
	Saga    string `json:"saga" ch:"saga"`
	// Running go forward, Compensating take back what was done; Stuck need an operator, whichever of both they did.
	Running      int64 `json:"running" ch:"running"`
	Compensating int64 `json:"compensating" ch:"compensating"`
	Stuck        int64 `json:"stuck" ch:"stuck"`
	// OldestSeconds is the age of the oldest that has not ended, StuckSeconds for how long the first has been stuck.
	OldestSeconds float64 `json:"oldest_seconds" ch:"oldest"`
	StuckSeconds  float64 `json:"stuck_seconds" ch:"waiting"`
}

// SagaStandings returns where the instances of every saga are. A saga of which the views have seen none has a line too.
func (f *Foundation) SagaStandings(ctx context.Context, db *clickhouse.DB) ([]SagaStanding, error) {
	var rows []SagaStanding
	_, found, err := db.Serving(ctx, audit.SagaInstances().Name)
	if err == nil && found {
		err = db.Select(ctx, &rows, `SELECT context, saga, toInt64(countIf(state = 'running')) AS running,
			toInt64(countIf(state = 'compensating')) AS compensating, toInt64(countIf(s.stuck)) AS stuck, max(age_seconds) AS oldest,
			maxIf(dateDiff('millisecond', changed_at, now64(3, 'UTC')) / 1000, s.stuck) AS waiting
			FROM saga_instances AS s WHERE NOT ended GROUP BY context, saga`)
	}
	if err != nil {
		return nil, fmt.Errorf("asking where the sagas stand: %w", err)
	}
	known := map[[2]string]SagaStanding{}
	for _, r := range rows {
		known[[2]string{r.Context, r.Saga}] = r
	}
	out := []SagaStanding{}
	for _, c := range f.Contexts {
		for _, p := range c.Processes {
			s := known[[2]string{c.Name, p.Name()}]
			s.Context, s.Saga = c.Name, p.Name()
			out = append(out, s)
		}
	}
	return out, nil
}
