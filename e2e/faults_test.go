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
	members    []*fleet.Member // the aggregators that are up, but for the moment of a fault
	remote     *fleet.Member   // one of them, which is reached by way of the detour
	servers    []*fleet.Member // ingests
	projectors []*fleet.Member
	joined     int
	struckBy   map[fault]int
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

	killServer       fault = "an ingest is killed, and comes back"
	freezeServer     fault = "an ingest is frozen for a while"
	killProjector    fault = "a projector is killed, and comes back"
	freezeProjector  fault = "a projector is frozen past its session timeout"
	killViews        fault = "ClickHouse is killed"
	killViewsWorkers fault = "ClickHouse and every projector are killed"
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
	s := &storm{world: w, struckBy: map[fault]int{}}
	w.keepViews()
	s.remote = w.remote("remote", "--batch", "200")
	s.members = []*fleet.Member{s.remote, w.worker("one", "--batch", "500"), w.worker("two", "--sessions", "2", "--batch", "300", "--flush", "200ms")}
	for n := range 2 {
		s.servers = append(s.servers, w.started(w.fleet.Ingest(fmt.Sprint("ingest-", n), w.broker.Addr())))
		s.projectors = append(s.projectors, w.started(w.fleet.Projectors(fmt.Sprint("projectors-", n), w.broker.Addr())))
	}
	w.ready(w.workers...)
	return s
}

// over has nothing more happen, waits until everything that was sent is decided and shown, and compares all of it.
func (s *storm) over(f *feed, began time.Time) {
	s.t.Helper()
	s.calling.end()
	f.end()
	s.decided()
	for f, n := range s.struckBy {
		s.t.Logf("%4d × %s", n, f)
	}
	s.counts.Faults, s.counts.Freezes = s.struck(), s.freezes()
	s.t.Logf("%d faults in %v: %d processes were killed, %d were out of sight past the session timeout",
		s.struck(), time.Since(began).Round(time.Second), s.counts.Kills, s.freezes())
	s.views.audit()
	s.settle()
	s.audit()
	s.stores()
}

// strike has a fault happen, and waits until commands are decided again.
func (s *storm) strike(f fault) {
	s.t.Helper()
	began := time.Now()
	s.struckBy[f]++
	s.t.Logf("%3d. %s", s.struck(), f)
	s.does(f)
	what := "commands are decided"
	switch f {
	case killServer, freezeServer:
		what = "callers are answered"
		s.calling.progress()
	case killProjector, freezeProjector, killViews, killViewsWorkers:
		what = "the views go on"
		s.views.progress()
	default:
		s.progress()
	}
	s.t.Logf("     %s after %.1fs", what, time.Since(began).Seconds())
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
	case killServer, freezeServer, killProjector, freezeProjector, killViews, killViewsWorkers:
		s.beside(f)
	default:
		s.t.Fatalf("there is no fault %q", f)
	}
}

// beside is what happens to those who decide nothing.
func (s *storm) beside(f fault) {
	s.t.Helper()
	var victims []*fleet.Member
	switch f {
	case killServer:
		victims = []*fleet.Member{s.servers[s.random.IntN(len(s.servers))]}
	case freezeServer:
		s.frozen(s.servers[s.random.IntN(len(s.servers))], callerPatience+s.moment())
	case killProjector:
		victims = []*fleet.Member{s.projectors[s.random.IntN(len(s.projectors))]}
	case freezeProjector:
		s.frozen(s.projectors[s.random.IntN(len(s.projectors))], sessionTimeout+beyond)
	case killViewsWorkers:
		victims = s.projectors
	}
	for _, m := range victims {
		s.kill(m)
	}
	if f == killViews || f == killViewsWorkers {
		s.counts.Kills++
		s.views.die()
	}
	time.Sleep(s.moment() / 2)
	if f == killViews || f == killViewsWorkers {
		s.views.again()
	}
	for _, m := range victims {
		s.must(m.Start())
	}
}

func (s *storm) killing(f fault) {
	s.t.Helper()
	victims := []*fleet.Member{s.any()}
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

func (s *storm) kill(m *fleet.Member) {
	s.t.Helper()
	s.counts.Kills++
	s.must(m.Kill())
}

// frozen keeps a worker from doing anything for a time.
func (s *storm) frozen(m *fleet.Member, d time.Duration) {
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
		s.counts.Kills++
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
		s.counts.Kills++
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
func (s *storm) any() *fleet.Member { return s.members[s.random.IntN(len(s.members))] }

func (s *storm) moment() time.Duration { return time.Duration(s.random.Int64N(int64(momentMax))) }

// struck is how many faults there were, freezes how many of them kept somebody out of sight past the session timeout.
func (s *storm) struck() (n int) {
	for _, count := range s.struckBy {
		n += count
	}
	return n
}

func (s *storm) freezes() int {
	return s.struckBy[freezeForLong] + s.struckBy[pauseForLong] + s.struckBy[stallLine] + s.struckBy[freezeProjector]
}
