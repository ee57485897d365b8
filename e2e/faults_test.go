//go:build e2e

package e2e_test

import (
	"fmt"
	"slices"
	"time"

	"recount/e2e/fleet"
)

// storm does to a world whatever can be done to it.
type storm struct {
	*world
	members []*fleet.Worker // those that are up, but for the moment of a fault
	remote  *fleet.Worker   // one of them, which is reached by way of the detour
	joined  int
	counts  map[fault]int
	killed  int // processes, the broker's among them
}

// fault is one thing that goes wrong, or is done, while commands are decided. Each leaves everybody up again.
type fault string

// The faults.
const (
	killWorker    fault = "a worker is killed, and comes back"
	killForLong   fault = "a worker is killed, and comes back when others have its partitions"
	killInRow     fault = "two workers are killed at once"
	killAgain     fault = "a worker is killed again while it takes over"
	freeze        fault = "a worker is frozen for a moment"
	freezeForLong fault = "a worker is frozen past its session timeout"
	stopWorker    fault = "a worker is stopped, and comes back"
	join          fault = "a worker joins that knows nothing"
	leave         fault = "a worker leaves for good"
	die           fault = "a worker dies for good"
	killBroker    fault = "the broker is killed"
	restartBroker fault = "the broker is restarted"
	pauseBroker   fault = "the broker is paused for a moment"
	pauseForLong  fault = "the broker is paused past everybody's session timeout"
	cutLine       fault = "a worker's connections break"
	stallLine     fault = "a worker's connections stall past its session timeout"
	killEverybody fault = "the broker and every worker are killed"
)

const (
	membersMin, membersMax = 2, 4
	// momentMax is the length of whatever has no reason to be longer.
	momentMax = 1500 * time.Millisecond
	// beyond is how much longer than the session timeout a worker is out of sight, for the broker to notice.
	beyond = 1500 * time.Millisecond
)

func newStorm(w *world) *storm {
	w.t.Helper()
	s := &storm{world: w, counts: map[fault]int{}}
	s.remote = w.remote("remote", "--batch", "200")
	s.members = []*fleet.Worker{s.remote, w.worker("one", "--batch", "500"), w.worker("two", "--sessions", "2", "--batch", "300", "--flush", "200ms")}
	w.ready(s.members...)
	return s
}

// strike has a fault happen, and waits until commands are decided again.
func (s *storm) strike(f fault) {
	s.t.Helper()
	began := time.Now()
	s.counts[f]++
	s.t.Logf("%3d. %s", s.struck(), f)
	s.does(f)
	s.progress()
	s.t.Logf("     commands are decided after %.1fs", time.Since(began).Seconds())
}

func (s *storm) does(f fault) {
	s.t.Helper()
	switch f {
	case killWorker, killForLong, killInRow, killAgain:
		s.killing(f)
	case freeze:
		s.frozen(s.any(), s.moment())
	case freezeForLong:
		s.frozen(s.any(), sessionTimeout+beyond)
	case stopWorker:
		m := s.any()
		s.must(m.Stop(s.t.Context()))
		time.Sleep(s.moment())
		s.must(m.Start())
	case join, leave, die:
		s.moves(f)
	case killBroker, restartBroker, pauseBroker, pauseForLong, killEverybody:
		s.strikesBroker(f)
	case cutLine:
		s.detour.Cut()
		time.Sleep(s.moment())
		s.detour.Mend()
	case stallLine:
		s.detour.Stall()
		time.Sleep(sessionTimeout + beyond)
		s.detour.Mend()
	default:
		s.t.Fatalf("there is no fault %q", f)
	}
}

func (s *storm) killing(f fault) {
	s.t.Helper()
	victims := []*fleet.Worker{s.any()}
	if f == killInRow {
		victims = s.members[:2]
	}
	for _, m := range victims {
		s.kill(m)
	}
	time.Sleep(s.moment() / 2)
	if f == killForLong {
		time.Sleep(sessionTimeout + beyond)
	}
	for _, m := range victims {
		s.must(m.Start())
		if f == killAgain {
			time.Sleep(s.moment() / 2) // somewhere between its start and its first batch
			s.kill(m)
			s.must(m.Start())
		}
	}
}

func (s *storm) kill(m *fleet.Worker) {
	s.t.Helper()
	s.killed++
	s.must(m.Kill())
}

// frozen keeps a worker from doing anything for a time.
func (s *storm) frozen(m *fleet.Worker, d time.Duration) {
	s.t.Helper()
	s.must(m.Freeze())
	time.Sleep(d)
	s.must(m.Thaw())
}

// moves changes who is there, within the bounds of how many.
func (s *storm) moves(f fault) {
	s.t.Helper()
	if f == join && len(s.members) < membersMax {
		s.joined++
		s.members = append(s.members, s.worker(fmt.Sprint("joined-", s.joined), "--batch", "400"))
		return
	}
	if len(s.members) <= membersMin {
		return
	}
	m := s.members[len(s.members)-1]
	s.members = slices.Delete(s.members, len(s.members)-1, len(s.members))
	if f == die {
		s.kill(m)
		return
	}
	s.must(m.Stop(s.t.Context()))
}

func (s *storm) strikesBroker(f fault) {
	s.t.Helper()
	ctx := s.t.Context()
	switch f {
	case restartBroker:
		s.must(s.broker.Restart(ctx))
	case killBroker:
		s.killed++
		s.must(s.broker.Kill(ctx))
		time.Sleep(s.moment())
		s.must(s.broker.Again(ctx))
	case pauseBroker, pauseForLong:
		s.must(s.broker.Pause(ctx))
		time.Sleep(s.moment())
		if f == pauseForLong {
			time.Sleep(sessionTimeout + beyond)
		}
		s.must(s.broker.Unpause(ctx))
	default: // killEverybody
		s.killed++
		s.must(s.broker.Kill(ctx))
		for _, m := range s.members {
			s.kill(m)
		}
		s.must(s.broker.Again(ctx))
		for _, m := range s.members {
			s.must(m.Start())
		}
	}
}

// any is a member; the last ones to come are as good as the others.
func (s *storm) any() *fleet.Worker { return s.members[s.random.IntN(len(s.members))] }

func (s *storm) moment() time.Duration { return time.Duration(s.random.Int64N(int64(momentMax))) }

// struck is how many faults there were, freezes how many of them kept somebody out of sight past the session timeout.
func (s *storm) struck() (n int) {
	for _, count := range s.counts {
		n += count
	}
	return n
}

func (s *storm) freezes() int {
	return s.counts[freezeForLong] + s.counts[pauseForLong] + s.counts[stallLine]
}
