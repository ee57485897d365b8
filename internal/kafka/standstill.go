package kafka

import "time"

// Standstill watches last stable offsets. One that stands below the log's end, while time passes, is held by a
// transaction that nobody ends: every reader of committed records waits there. It belongs to one goroutine.
type Standstill struct {
	since map[topicPartition]standing
}

type standing struct {
	stable int64
	at     time.Time
}

// Note takes what a partition's log holds at now, and returns for how long its last stable offset has been standing
// still below the end: 0 where it has moved since the last note, or nothing lies beyond it.
func (s *Standstill) Note(topic string, partition int32, e Extent, now time.Time) time.Duration {
	at := topicPartition{topic, partition}
	if e.Stable >= e.End {
		delete(s.since, at)
		return 0
	}
	if s.since == nil {
		s.since = map[topicPartition]standing{}
	}
	was, known := s.since[at]
	if !known || was.stable != e.Stable {
		s.since[at] = standing{e.Stable, now}
		return 0
	}
	return max(now.Sub(was.at), 0)
}
