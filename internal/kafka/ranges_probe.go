package kafka

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// probePause is how long a declared range may stay without its end before the log is looked at, and between looks.
const probePause = 500 * time.Millisecond

// passes says whether the log goes on past the declared range without another record in it. The consumer itself never
// tells: where compaction has removed the last records of the log, it waits for one that does not exist.
func (p *partitionRun) passes() (bool, error) {
	at := p.position
	if n := len(p.pending); n > 0 {
		at = p.pending[n-1].Offset + 1
	}
	for at <= p.declared.Last {
		got, next, err := p.fetch(at)
		switch {
		case err != nil:
			return false, err
		case len(got.Records) > 0 && got.Records[0].Offset <= p.declared.Last:
			return false, nil // it exists, and will come
		case got.LastStableOffset <= p.declared.Last:
			return false, fmt.Errorf("kafka: group %s declared the range %s, but the log ends at %d: the topic was truncated or made "+
				"again; rebuild the view", p.s.c.cfg.Group, p.declared, got.LastStableOffset)
		case next == at:
			return true, nil // nothing at all up to the last stable offset
		}
		at = next
	}
	return true, nil
}

// fetch reads what the log holds at an offset, and the offset after what was read, be it records or not.
func (p *partitionRun) fetch(offset int64) (kgo.FetchPartition, int64, error) {
	got, next, err := fetchAt(p.ctx, p.s.cl, p.s.c.cfg.Topic, p.partition, offset)
	if err != nil {
		return got, 0, Rejoin(fmt.Errorf("kafka: looking for the end of a declared range: %w", err))
	}
	return got, next, nil
}
