package role

import (
	"context"
	"fmt"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/es"
	"recount/internal/kafka"
)

// ViewStanding is how far a view has come in one context, whoever keeps it: what ClickHouse shows against what Kafka
// holds.
type ViewStanding struct {
	Context    string  `json:"context"`
	View       string  `json:"view"`
	Generation int     `json:"generation"` // 0: no projector has made it yet
	LagRecords int64   `json:"lag_records"`
	LagSeconds float64 `json:"lag_seconds"`
	// Parked is how many aggregates wait because the view could not map one of their events.
	Parked     int                 `json:"parked_aggregates"`
	Partitions []PartitionStanding `json:"partitions"`
}

// PartitionStanding is how far a view has come in one partition.
type PartitionStanding struct {
	Partition int32 `json:"partition"`
	// Position is the next offset to be projected; Stable is the log's last stable offset.
	Position int64 `json:"position"`
	Stable   int64 `json:"stable"`
	// EventTime is when the newest projected record was recorded; absent before the first.
	EventTime *time.Time `json:"event_time,omitempty"`
}

// ViewStandings returns where every view stands at now.
func (f *Foundation) ViewStandings(ctx context.Context, db *clickhouse.DB, now time.Time) ([]ViewStanding, error) {
	var topics []string
	for _, c := range f.Contexts {
		for _, stream := range []string{kafka.EventsSuffix, kafka.RefusalsSuffix, kafka.DeadLettersSuffix} {
			topics = append(topics, c.Name+stream)
		}
	}
	// The logs first: a view can then only seem further behind than it is, never ahead of what there was.
	extents, err := kafka.Extents(ctx, f.Kafka, topics...)
	if err != nil {
		return nil, err
	}
	var out []ViewStanding
	for _, c := range f.Contexts {
		for _, v := range c.Views {
			s, err := standing(ctx, db, c.Name, v, extents[c.Name+"."+string(v.From)], now)
			if err == nil && s.Generation > 0 {
				s.Parked, err = parked(ctx, db, s)
			}
			if err != nil {
				return nil, fmt.Errorf("asking how far view %s has come: %w", v.Name, err)
			}
			out = append(out, s)
		}
	}
	return out, nil
}

func parked(ctx context.Context, db *clickhouse.DB, s ViewStanding) (int, error) {
	found, err := db.ParkedAggregates(ctx, clickhouse.ParkedFilter{View: s.View, Generation: s.Generation, Context: s.Context})
	return len(found), err
}

func standing(ctx context.Context, db *clickhouse.DB, name string, v es.View, extents map[int32]kafka.Extent, now time.Time) (ViewStanding, error) {
	s := ViewStanding{Context: name, View: v.Name}
	g, found, err := db.Serving(ctx, v.Name)
	if err != nil {
		return s, err
	}
	var rows []struct {
		Partition int32     `ch:"partition"`
		Next      int64     `ch:"next"`
		EventTime time.Time `ch:"event_time"`
	}
	if found {
		s.Generation = g.Number
		err = db.Select(ctx, &rows, `SELECT partition, max(next_offset) AS next, max(event_time) AS event_time FROM watermark_rows
			WHERE view = ? AND generation = ? AND context = ? GROUP BY partition`, v.Name, g.Number, name)
	}
	reached := map[int32]int{}
	for i, r := range rows {
		reached[r.Partition] = i
	}
	for n := range int32(len(extents)) {
		e := extents[n]
		p := PartitionStanding{Partition: n, Position: e.Start, Stable: e.Stable}
		if i, ok := reached[n]; ok {
			p.Position = max(e.Start, rows[i].Next)
			if at := rows[i].EventTime; at.UnixMilli() > 0 {
				p.EventTime = &at
			}
		}
		if lag := p.Stable - p.Position; lag > 0 {
			s.LagRecords += lag
			if p.EventTime != nil {
				s.LagSeconds = max(s.LagSeconds, now.Sub(*p.EventTime).Seconds())
			}
		}
		s.Partitions = append(s.Partitions, p)
	}
	return s, err
}
