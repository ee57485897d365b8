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
	LagSeconds float64 `json:"lag_seconds"` // age of the oldest record that waits
	// Parked is how many aggregates wait because the view could not map one of their events.
	Parked     int                 `json:"parked_aggregates"`
	Partitions []PartitionStanding `json:"partitions"`

	topic string
}

// PartitionStanding is how far a view has come in one partition.
type PartitionStanding struct {
	Partition int32 `json:"partition"`
	// Position is the next offset to be projected; Stable is the log's last stable offset.
	Position int64 `json:"position"`
	Stable   int64 `json:"stable"`
	// EventTime is when the newest projected record was recorded; absent before the first.
	EventTime *time.Time `json:"event_time,omitempty"`
	// Oldest is the stamp of the first record that waits; absent where none does.
	Oldest *time.Time `json:"oldest_waiting,omitempty"`
}

// ViewStandings returns where every view stands at now.
func (f *Foundation) ViewStandings(ctx context.Context, db *clickhouse.DB, now time.Time) ([]ViewStanding, error) {
	r, err := kafka.NewLagReader(f.Kafka)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	out, extents, err := f.positions(ctx, db, r)
	if err != nil {
		return nil, err
	}
	for i := range out {
		s := &out[i]
		err := s.measure(ctx, r, extents[s.topic], now)
		if err == nil && s.Generation > 0 {
			s.Parked, err = parked(ctx, db, *s)
		}
		if err != nil {
			return nil, fmt.Errorf("asking how far view %s has come: %w", s.View, err)
		}
	}
	return out, nil
}

// ViewLag is how many offsets lie ahead of a view in one context.
type ViewLag struct {
	Context, View string
	Offsets       int64
}

// ViewsBehind returns the views that lack something. It looks into no log, so that it can be asked often.
func (f *Foundation) ViewsBehind(ctx context.Context, db *clickhouse.DB) (behind []ViewLag, err error) {
	r, err := kafka.NewLagReader(f.Kafka)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	extents, err := r.Extents(ctx, f.viewTopics()...) // first, as in positions
	if err != nil {
		return nil, err
	}
	reached, err := db.AllReached(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range f.Contexts {
		for _, v := range c.Views {
			lag := ViewLag{Context: c.Name, View: v.Name}
			for n, e := range extents[c.Name+"."+string(v.From)] {
				next := reached[clickhouse.ServedPartition{View: v.Name, Context: c.Name, Partition: n}]
				lag.Offsets += max(e.Stable-max(e.Start, next), 0)
			}
			if lag.Offsets > 0 {
				behind = append(behind, lag)
			}
		}
	}
	return behind, nil
}

// positions returns every view with its partitions' positions, and what the topics hold.
func (f *Foundation) positions(ctx context.Context, db *clickhouse.DB, r *kafka.LagReader) (out []ViewStanding, extents map[string]map[int32]kafka.Extent, err error) {
	// The logs first: a view can then only seem further behind than it is, never ahead of what there was.
	if extents, err = r.Extents(ctx, f.viewTopics()...); err != nil {
		return nil, nil, err
	}
	for _, c := range f.Contexts {
		for _, v := range c.Views {
			s, err := standing(ctx, db, c.Name, v, extents[c.Name+"."+string(v.From)])
			if err != nil {
				return nil, nil, fmt.Errorf("asking how far view %s has come: %w", v.Name, err)
			}
			out = append(out, s)
		}
	}
	return out, extents, nil
}

// viewTopics are those that views are mapped from.
func (f *Foundation) viewTopics() (topics []string) {
	for _, c := range f.Contexts {
		for _, stream := range []string{kafka.EventsSuffix, kafka.ProcessesSuffix, kafka.RefusalsSuffix, kafka.DeadLettersSuffix} {
			topics = append(topics, c.Name+stream)
		}
	}
	return topics
}

func parked(ctx context.Context, db *clickhouse.DB, s ViewStanding) (int, error) {
	found, err := db.ParkedAggregates(ctx, clickhouse.ParkedFilter{View: s.View, Generation: s.Generation, Context: s.Context})
	return len(found), err
}

func standing(ctx context.Context, db *clickhouse.DB, name string, v es.View, extents map[int32]kafka.Extent) (ViewStanding, error) {
	s := ViewStanding{Context: name, View: v.Name, topic: name + "." + string(v.From)}
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
		s.Partitions = append(s.Partitions, p)
	}
	return s, err
}

// measure looks for the first record that waits in every partition that is behind.
func (s *ViewStanding) measure(ctx context.Context, r *kafka.LagReader, extents map[int32]kafka.Extent, now time.Time) error {
	next := map[int32]int64{}
	for _, p := range s.Partitions {
		next[p.Partition] = p.Position
	}
	lags, err := r.Behind(ctx, s.topic, extents, next)
	for _, l := range lags {
		s.LagRecords += l.Records
		s.LagSeconds = max(s.LagSeconds, l.Age(now).Seconds())
		if !l.Oldest.IsZero() {
			s.Partitions[l.Partition].Oldest = &l.Oldest
		}
	}
	return err
}
