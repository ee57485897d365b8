package sim

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/statestore"
	"recount/internal/statestore/pebble/pebbletest"
	"recount/internal/worker/aggregator"
)

// Each test here is one interleaving that something in the write side guards against, and asserts that it took place.
// Chance comes upon them too, now and then; here they happen every time.

// TestAnEndOfUnknownOutcome: the session does not learn whether its transaction was committed. With the request lost it
// was not, with the answer lost it was. The controls are in the pure world: unknownIsCommitted and unknownIsAborted.
func TestAnEndOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	for what, answer := range map[string]bool{"the request is lost": false, "the answer is lost": true} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := play(t, worldConfig{code: codeOf(t, faithful), partitions: 2, processes: 1, sessions: 2, producers: 1}, func(s *scene) {
				s.start(s.processes[0])
				s.decided("before", 8, 40, 2*time.Second)
				const longerThanACommitIsTried = 2*transactionTimeout + time.Second
				s.processes[0].impose(&rule{key: keyEndTxn, answer: answer, every: 1, until: time.Now().Add(longerThanACommitIsTried)})
				s.decided("meanwhile", 8, 40, 2*time.Second)
			})
			holds(t, r)
			if r.counts.aborts+r.counts.restarts == 0 {
				t.Error("every transaction's end was heard of")
			}
		})
	}
}

// TestATransactionWithoutCommandsIsFenced: a worker sleeps while it completes a checkpoint, which decides nothing and so
// would have no offsets to commit of its own. Another takes its partitions over, decides, and makes its own checkpoint.
// What the sleeper then sends must not get in: its snapshots are older than those that are there.
func TestATransactionWithoutCommandsIsFenced(t *testing.T) {
	t.Parallel()
	const sleeps = 8 * time.Second // longer than the session's timeout, shorter than a commit is tried
	for what, m := range map[string]mutation{"fenced": faithful, "without its offsets, the control": offsetsUnsent} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := play(t, worldConfig{code: codeOf(t, faithful), partitions: 1, processes: 2, sessions: 1, producers: 1}, func(s *scene) {
				sleeper, other := s.processes[0], s.processes[1]
				s.start(sleeper)
				asleep := make(chan struct{})
				s.decided("first", 6, 12, 100*time.Millisecond)
				sleeper.arm(checkpointing, 1, func(l *life) {
					sleeper.bend(m)
					l.freeze(sleeps)
					close(asleep)
				})
				<-asleep
				s.start(other)
				s.decided("second", 6, 12, 100*time.Millisecond)
				made := s.checkpointsSoFar()
				s.until("a checkpoint of the new owner", func(f figures) bool { return f.checkpoints > made })
				s.until("the sleeper wakes", func(f figures) bool { return f.zombies > 0 })
				time.Sleep(2 * time.Second)
				sleeper.bend(faithful)
				s.decided("third", 1, 6, time.Second)
			})
			if m != faithful {
				breaks(t, r, restored)
				return
			}
			holds(t, r)
			if r.counts.aborts+r.counts.restarts == 0 {
				t.Error("the sleeper's transaction was not refused")
			}
		})
	}
}

func (s *scene) checkpointsSoFar() (n int) {
	s.count(func(f *figures) { n = f.checkpoints })
	return n
}

// TestAPartitionMovesBetweenSessionsDuringAWrite: the group gives a partition to another session of the same process
// while a write to its store is under way. The controls are in the pure world: staleWriteLands, leaseKept and olderWriteLands.
func TestAPartitionMovesBetweenSessionsDuringAWrite(t *testing.T) {
	t.Parallel()
	const writeTakes = 4 * time.Second
	var heldUp time.Duration
	r := play(t, worldConfig{code: codeOf(t, faithful), partitions: 1, processes: 1, sessions: 2, producers: 1}, func(s *scene) {
		p := s.processes[0]
		s.start(p)
		s.decided("before", 8, 40, 2*time.Second)
		began := make(chan time.Time, 1)
		p.arm(writing, 1, func(*life) {
			began <- time.Now()
			time.Sleep(writeTakes)
		})
		s.play(s.ctx, deposits(s.frames, scriptConfig{partitions: 1, commands: 10, accounts: 8}, "written"))
		at := <-began
		takeovers := p.takeovers.Load()
		if err := s.broker.expel(s.ctx, 0); err != nil {
			t.Error(err)
		}
		s.decided("meanwhile", 8, 40, 2*time.Second)
		s.until("another session takes over", func(figures) bool { return p.takeovers.Load() > takeovers })
		heldUp = time.Since(at)
	})
	holds(t, r)
	if heldUp < writeTakes {
		t.Errorf("the partition was handed on after %s, in the middle of the write", heldUp)
	}
}

// TestLostOffsets: the group's place in the commands is gone, all of it or that of one partition. The worker refuses to
// start, and goes on where it is told to, after the last command that left a trace.
func TestLostOffsets(t *testing.T) {
	t.Parallel()
	for what, m := range map[string]mutation{"found in the log": faithful, "not looked for there, the control": watermarksIgnored} {
		for all, lose := range map[string]func(*scene) error{
			"all":              func(s *scene) error { return kafka.DeleteGroup(s.ctx, s.broker.clean, aggregator.Group(contextName)) },
			"of one partition": func(s *scene) error { return s.broker.expire(s.ctx, 0) },
		} {
			t.Run(what+", "+all, func(t *testing.T) {
				t.Parallel()
				var refused atomic.Bool
				accept := false
				r := play(t, worldConfig{
					partitions: 2, processes: 1, sessions: 1, producers: 1, code: codeOf(t, m),
					adjust: func(c *aggregator.Config, _ *life) {
						c.AcceptLostCommands = accept
						c.DedupEntries, c.CheckpointEvery = 16, -1 // nothing but the log tells where to go on
					},
					forgiven: func(err error) bool {
						refused.Store(strings.Contains(err.Error(), "--accept-lost-commands"))
						return refused.Load()
					},
				}, func(s *scene) {
					p := s.processes[0]
					s.start(p)
					s.decided("before", 8, 160, 2*time.Second)
					p.shutdown(30 * time.Second)
					time.Sleep(15 * time.Second)
					if err := lose(s); err != nil {
						t.Error(err)
					}
					p.insert(pebbletest.NewDisk())
					s.until("the worker refuses to start", func(figures) bool { return refused.Load() })
					accept = true
					s.start(p)
					s.decided("after", 8, 40, 2*time.Second)
				})
				if m == faithful {
					holds(t, r)
				} else {
					breaks(t, r, once)
				}
			})
		}
	}
}

// TestAVersionGapInAFold: a store has lost a state without which the events behind its watermark don't follow. The
// control in the pure world is gapPassedOver.
func TestAVersionGapInAFold(t *testing.T) {
	t.Parallel()
	for what, damaged := range map[string]bool{"a state is missing": true, "none is, the control": false} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := play(t, worldConfig{code: codeOf(t, faithful), partitions: 1, processes: 1, sessions: 1, producers: 1}, func(s *scene) {
				p := s.processes[0]
				s.start(p)
				s.decided("before", 6, 30, time.Second)
				p.shutdown(2 * time.Second)
				time.Sleep(time.Second)
				old := p.disk.Crash(100, stream(1, howDisksTear))
				s.decided("after", 6, 30, time.Second)
				if damaged {
					s.check(func() error { return deleteState(old, "account/acct-3") })
				}
				p.current().kill(nowhere, 2*time.Second, diskKept, stream(2, howDisksTear))
				p.insert(old)
				s.decided("at last", 6, 30, time.Second)
			})
			holds(t, r)
			if found := r.counts.restores > 0; found != damaged {
				t.Errorf("the store was filled again: %t", found)
			}
		})
	}
}

// TestASnapshotCompactedAwayDuringARestore: the partitions are restored elsewhere while their owner goes on. Between
// asking where the snapshots end and reading them, all are replaced and taken away.
func TestASnapshotCompactedAwayDuringARestore(t *testing.T) {
	t.Parallel()
	r := play(t, worldConfig{code: codeOf(t, faithful), partitions: 2, processes: 2, sessions: 1, producers: 1}, func(s *scene) {
		s.start(s.processes[0])
		s.checkpointed("before")
		// Partitions are restored beside each other: the first to read has it done, and the others wait for that. On a
		// channel, for virtual time stands still while somebody waits at a lock.
		compacted, taken, done := 0, atomic.Bool{}, make(chan struct{})
		restored, err := s.processes[1].rebuild(s.ctx, func(p passage) verdict {
			if p.key != keyFetch || p.answer {
				return verdict{}
			}
			if taken.CompareAndSwap(false, true) {
				s.checkpointed("meanwhile")
				compacted = s.compact()
				close(done)
			}
			<-done
			return verdict{}
		})
		if err != nil || compacted == 0 {
			t.Errorf("%d snapshots were compacted away: %v", compacted, err)
		}
		for _, r := range restored {
			if r.From != aggregator.FromSnapshots {
				t.Errorf("partition %d was restored from %s: the newer snapshots were there", r.Partition, r.From)
			}
		}
	})
	holds(t, r)
}

// checkpointed decides something in both partitions, and waits for their checkpoints.
func (s *scene) checkpointed(name string) {
	made := s.checkpointsSoFar()
	s.decided(name, 8, 80, time.Second)
	s.until("checkpoints", func(f figures) bool { return f.checkpoints >= made+2 })
}

// compact has the broker clean its logs, and returns how many snapshots that took.
func (s *scene) compact() int {
	count := func() (n int) {
		logs, err := s.broker.logs(s.ctx)
		s.check(func() error { return err })
		for _, log := range logs {
			n += len(log.snapshots)
		}
		return n
	}
	before := count()
	s.check(func() error {
		return kafka.SetTopicConfig(s.ctx, s.broker.clean, snapshotsTopic, "min.compaction.lag.ms", "0")
	})
	s.broker.kafka.Compact()
	return before - count()
}

// TestASkewedClock: a worker takes over whose clock is behind. A little is made good by the partition's own last time;
// much stops the worker. The control lets the clock stamp the events.
func TestASkewedClock(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		behind time.Duration
		stops  bool
		mutation
	}{
		"by a little": {3 * time.Second, false, faithful}, "by much": {time.Minute, true, faithful},
		"by a little and believed, the control": {3 * time.Second, false, clockUnguarded},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := play(t, worldConfig{code: codeOf(t, c.mutation), partitions: 2, processes: 2, sessions: 1, producers: 1}, func(s *scene) {
				right, wrong := s.processes[0], s.processes[1]
				wrong.skew.Store(-int64(c.behind))
				s.start(right)
				s.decided("before", 8, 40, 2*time.Second)
				s.start(wrong)
				right.shutdown(10 * time.Second)
				s.decided("after", 8, 40, 2*time.Second)
			})
			if c.mutation != faithful {
				breaks(t, r, forward)
				return
			}
			holds(t, r)
			if stopped := r.counts.clockStops > 0; stopped != c.stops {
				t.Errorf("a worker was stopped by its clock: %t", stopped)
			}
		})
	}
}

// TestACommandThatAlwaysBreaks costs itself and nothing else, whatever is in the batch with it.
func TestACommandThatAlwaysBreaks(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct{ reference, reason string }{
		"its decision panics":    {mine, engine.ReasonPanic},
		"its event is too large": {strings.Repeat("x", engine.RecordBytesMaxDefault-100), engine.ReasonTooLarge},
		"nothing, the control":   {"in", ""},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			letters := 0
			r := play(t, worldConfig{code: codeOf(t, faithful), partitions: 1, processes: 1, sessions: 1, producers: 1}, func(s *scene) {
				config := scriptConfig{partitions: 1, commands: 30, accounts: 4}
				orders := deposits(s.frames, config, "good")
				for n := range 3 {
					id := fmt.Sprint("bad-", n)
					bad := orderOf(s.frames, config, 0, "bank.account.deposit", es.CommandMeta{AggregateID: "acct-1", CommandID: id},
						fmt.Sprintf(`{"amount":1,"currency":"EUR","reference":%q}`, c.reference))
					if c.reason != "" {
						s.world.breaks[id] = c.reason
					}
					orders = append(orders[:10+n], append([]order{bad}, orders[10+n:]...)...)
				}
				s.start(s.processes[0])
				s.play(s.ctx, orders)
				s.settle(s.ctx, scenePatience)
				logs, err := s.broker.logs(s.ctx)
				s.check(func() error { return err })
				letters = len(logs[0].deadLetters)
			})
			holds(t, r)
			if want := 3 * min(1, len(c.reason)); letters != want {
				t.Errorf("%d dead letters, want %d", letters, want)
			}
		})
	}
}

// TestABatchThatIsAlwaysTooSlow: the network carries so little that a full batch never comes to its end in time. It is
// halved until it does.
func TestABatchThatIsAlwaysTooSlow(t *testing.T) {
	t.Parallel()
	r := play(t, worldConfig{code: codeOf(t, faithful), partitions: 1, processes: 1, sessions: 1, producers: 1}, func(s *scene) {
		s.play(s.ctx, deposits(s.frames, scriptConfig{partitions: 1, commands: 2 * batchMax, accounts: 4}, "all"))
		s.processes[0].impose(&rule{key: keyProduce, perKB: time.Second})
		s.start(s.processes[0])
		s.settle(s.ctx, scenePatience)
	})
	holds(t, r)
	if r.counts.aborts+r.counts.restarts == 0 {
		t.Error("the batch was fast enough: the run shows nothing")
	}
}

// deleteState takes an aggregate's state off a disk nobody uses.
func deleteState(d *pebbletest.Disk, aggregate string) (err error) {
	root, err := d.Open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	store, err := root.Open(storeName(0))
	if err != nil {
		return err
	}
	var b statestore.Batch
	b.Delete([]byte(prefixState + aggregate))
	return errors.Join(store.Apply(&b), store.Close())
}
