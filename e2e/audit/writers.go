package audit

import "fmt"

// place is a partition of one of the outputs.
type place struct {
	topic     string
	partition int32
}

// transaction is what wrote a record.
type transaction struct {
	producer int64
	epoch    int16
}

// writers are those of one partition: the one whose records come now, and those that were succeeded.
type writers struct {
	now  transaction
	some bool
	past map[transaction]int64 // by the offset of whoever came next
}

// writer checks that the transaction a record is of was not succeeded by another's records in the same partition. Within
// a partition committed transactions stand one after another, for the partition has one owner at a time; the records of
// a former owner that the broker took after its successor's first, and let commit, would stand behind those.
func (a *Audit) writer(topic string, r Record) error {
	at := place{topic, r.Partition}
	w := a.writers[at]
	if w == nil {
		w = &writers{past: map[transaction]int64{}}
		a.writers[at] = w
	}
	by := transaction{r.ProducerID, r.ProducerEpoch}
	if w.some && by == w.now {
		return nil
	}
	if since, over := w.past[by]; over {
		return fmt.Errorf("producer %d epoch %d writes on, another has written since offset %d: %w", by.producer, by.epoch, since, ErrZombie)
	}
	if w.some {
		w.past[w.now] = r.Offset
	}
	w.now, w.some = by, true
	return nil
}
