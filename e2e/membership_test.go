//go:build e2e

package e2e_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"recount/internal/kafka"
	"recount/internal/worker/aggregator"
)

// TestARestartWithinTheSessionTimeoutMovesNothing kills workers that come back before they are missed. A static member
// finds its place as it left it: the group's generation, which every rebalance raises, stays what it was. That it can be
// seen to rise is shown by a worker that joins.
func TestARestartWithinTheSessionTimeoutMovesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.fleet.SessionTimeout = time.Minute // a busy machine is no reason to be missed
	one, two := w.worker("one"), w.worker("two")
	w.ready(one, two)
	f := w.feed(rateUsual)
	w.progress()
	before := w.generation()
	for _, m := range []interface {
		Kill() error
		Start() error
	}{one, two, one} {
		began := time.Now()
		w.must(m.Kill())
		w.counts.Kills++
		w.counts.Faults++
		w.must(m.Start())
		w.ready(one, two)
		t.Logf("ready again %v after the kill", time.Since(began).Round(time.Millisecond))
		w.progress()
	}
	if after := w.generation(); after != before {
		t.Errorf("the group has come from generation %d to %d: it was rebalanced", before, after)
	}
	three := w.worker("three")
	w.ready(three)
	w.progress()
	if after := w.generation(); after <= before {
		t.Errorf("a worker has joined, and the group's generation is %d still: that it does not rise says nothing", after)
	}
	f.end()
	w.decided()
	w.settle()
	w.audit()
	w.stores()
}

// groupMetadata is the version of the keys under which brokers note a group's generation; other keys are of offsets.
const groupMetadata = 2

// generation is the workers' group's, as its coordinator has written it down last.
func (w *world) generation() (generation int32) {
	w.t.Helper()
	generation = -1
	w.must(w.read(w.t.Context(), "__consumer_offsets", func(r *kafka.Record) {
		var key kmsg.GroupMetadataKey
		if len(r.Key) < 2 || r.Key[0] != 0 || r.Key[1] != groupMetadata || r.Value == nil {
			return
		}
		w.must(key.ReadFrom(r.Key))
		if key.Group != aggregator.Group("bank") {
			return
		}
		value := kmsg.NewGroupMetadataValue()
		w.must(value.ReadFrom(r.Value))
		generation = value.Generation
	}))
	if generation < 0 {
		w.t.Fatal("the group's coordinator has written down nothing")
	}
	return generation
}
