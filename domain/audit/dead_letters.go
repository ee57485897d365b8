package audit

import (
	"fmt"

	"recount/internal/es"
)

// DeadLetter is one record that could not be processed, with its bytes untouched; or with none, where they were more than a
// record of ours holds, and are to be found at the source.
type DeadLetter struct {
	Context   string `ch:"context"`
	Partition int32  `ch:"partition"`
	Offset    int64  `ch:"offset"`
	Reason    string `ch:"reason"`
	Detail    string `ch:"detail"`
	Key       []byte `ch:"key"`
	Value     []byte `ch:"value"`
	// The source is where the record stood before it was set aside.
	SourceTopic       string `ch:"source_topic"`
	SourceIncarnation es.ID  `ch:"source_incarnation"`
	SourcePartition   int32  `ch:"source_partition"`
	SourceOffset      int64  `ch:"source_offset"`
	// AppendedAt is the broker's time: what cannot be read has no other.
	AppendedAt int64 `ch:"appended_at,millis"`
}

// DeadLetters is the view of what could not be processed, as far back as its topic reaches.
func DeadLetters() es.View {
	table := es.NewTable[DeadLetter]("dead_letters")
	return es.View{
		Name:     "dead_letters",
		Revision: 1,
		From:     es.FromDeadLetters,
		Tables:   []es.AnyTable{table},
		Map: func(r es.Recorded, out *es.Rows) error {
			letter := r.DeadLetter
			if letter == nil {
				return fmt.Errorf("reading the dead letter at %s/%d@%d: it holds none", r.Context, r.Partition, r.Offset)
			}
			table.Append(out, DeadLetter{
				Context:           r.Context,
				Partition:         r.Partition,
				Offset:            r.Offset,
				Reason:            letter.Reason,
				Detail:            letter.Detail,
				Key:               letter.Key,
				Value:             letter.Value,
				SourceTopic:       letter.Origin.Topic,
				SourceIncarnation: letter.Origin.Incarnation,
				SourcePartition:   letter.Origin.Partition,
				SourceOffset:      letter.Origin.Offset,
				AppendedAt:        r.Timestamp,
			})
			return nil
		},
	}
}
