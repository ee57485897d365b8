package aggregator

import (
	"time"

	"recount/internal/kafka"
)

// tellEvery is how often a long restore says in the log how far it is.
const tellEvery = 10 * time.Second

// pace is how fast a partition's log is being read.
type pace struct {
	topic string
	began time.Time
	from  int64
	told  time.Time
}

// pass notes that a span was read up to next, and says whether it is time to tell of it: how many offsets a second, and
// how long the rest takes at that rate.
func (p *pace) pass(now time.Time, s kafka.Span, next int64) (rate int64, left time.Duration, due bool) {
	if p.topic != s.Topic {
		*p = pace{topic: s.Topic, began: now, from: next, told: now} // what was read so far came with the wait for it
	}
	if now.Sub(p.told) < tellEvery {
		return 0, 0, false
	}
	p.told = now
	rate = int64(float64(next-p.from) / now.Sub(p.began).Seconds())
	if rate > 0 {
		left = time.Duration(float64(s.Until-next) / float64(rate) * float64(time.Second)).Round(time.Second)
	}
	return rate, left, true
}
