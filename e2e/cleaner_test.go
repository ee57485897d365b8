//go:build e2e

package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"recount/e2e/fleet"
	"recount/internal/kafka"
)

// eager are settings with which the cleaner takes a topic up as soon as it may.
func eager() map[string]string {
	return map[string]string{
		"cleanup.policy": "compact", "segment.ms": "1000", "min.cleanable.dirty.ratio": "0.001",
		"min.compaction.lag.ms": "0", "delete.retention.ms": "0",
	}
}

const sacrificeTopic = "sacrifice"

// TestHistorySurvivesTheCleaner has the broker's log cleaner work on the event topic, with what killed workers have left
// in it, and then a worker that knows nothing fold it from zero. Each event has a key of its own, so nothing of the
// history may be gone; that the cleaner was at work at all is seen by a topic whose keys repeat.
func TestHistorySurvivesTheCleaner(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"log.cleaner.backoff.ms": "200"})
	for key, value := range eager() {
		w.must(kafka.SetTopicConfig(t.Context(), w.broker.Config(), eventsTopic, key, value))
	}
	settings := map[string]*string{}
	for key, value := range eager() {
		settings[key] = &value
	}
	_, err := w.admin.CreateTopic(t.Context(), 1, 1, settings, sacrificeTopic)
	w.must(err)
	one, two := w.worker("one", "--batch", "300"), w.worker("two", "--batch", "300")
	w.ready(one, two)
	f := w.feed(rateUsual)
	for range 4 { // what they leave unfinished, the cleaner removes
		w.progress()
		w.must(one.Kill())
		w.must(one.Start())
		w.sacrifice()
	}
	w.cleaned()
	w.must(one.Kill()) // not stopped: that would leave a checkpoint to go on from
	w.must(two.Kill())
	heir := w.worker("heir", "--batch", "300")
	w.ready(heir)
	w.foldedFromZero(heir)
	w.progress()
	f.end()
	w.decided()
	w.settle()
	w.audit()
	w.stores()
}

// foldedFromZero waits until a worker has folded all partitions from zero: it may be given them one after another.
func (w *world) foldedFromZero(heir *fleet.Member) {
	w.t.Helper()
	w.eventually("all partitions are folded from zero", func(context.Context) error {
		log, err := heir.Log()
		if n := strings.Count(log, "from=zero"); err == nil && n != partitions {
			err = fmt.Errorf("%d of %d partitions were folded from zero", n, partitions)
		}
		return err
	})
}

// sacrificed is how often a key was written.
const sacrificed = 50

// sacrifice writes one key again and again.
func (w *world) sacrifice() {
	w.t.Helper()
	client := w.client(kgo.DefaultProduceTopic(sacrificeTopic))
	for range sacrificed {
		w.must(client.ProduceSync(w.t.Context(), &kgo.Record{Key: []byte("key"), Value: []byte("value")}).FirstErr())
	}
	time.Sleep(time.Second) // the next one begins another segment
}

// cleaned waits until the cleaner has been through what each partition of the events has now, the last segment excepted,
// and has removed what was to be removed from the topic beside it.
func (w *world) cleaned() {
	w.t.Helper()
	extents, err := kafka.Extents(w.t.Context(), w.broker.Config(), eventsTopic)
	w.must(err)
	w.eventually("the cleaner has been at work", func(ctx context.Context) error {
		checkpoint, err := w.broker.DataFile(ctx, "cleaner-offset-checkpoint")
		if err != nil {
			return err
		}
		reached := cleanedUpTo(string(checkpoint))
		for p, e := range extents[eventsTopic] {
			if at := reached[fmt.Sprint(eventsTopic, " ", p)]; at < e.End/2 {
				return fmt.Errorf("partition %d is cleaned up to %d of %d", p, at, e.End)
			}
		}
		left := 0
		err = w.read(ctx, sacrificeTopic, func(*kafka.Record) { left++ })
		if err == nil && left > 2*sacrificed {
			err = fmt.Errorf("%d records of one key are left", left)
		}
		return err
	})
	checkpoint, err := w.broker.DataFile(w.t.Context(), "cleaner-offset-checkpoint")
	w.must(err)
	w.t.Logf("the cleaner has come to:\n%s", checkpoint)
}

// cleanedUpTo reads the cleaner's file: a version, a count, and lines of topic, partition and offset.
func cleanedUpTo(checkpoint string) map[string]int64 {
	out := map[string]int64{}
	for line := range strings.Lines(checkpoint) {
		var topic string
		var partition int32
		var offset int64
		if n, err := fmt.Sscan(line, &topic, &partition, &offset); err == nil && n == 3 {
			out[fmt.Sprint(topic, " ", partition)] = offset
		}
	}
	return out
}
