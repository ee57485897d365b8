package sim

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fault is one thing that goes wrong, when, and for whom. A plan of them is made from a seed before a run begins.
type fault struct {
	at      time.Duration
	kind    kind
	victim  int           // which process, or which producer
	point   point         // where it happens; nowhere: at once
	nth     int           // the time it gets there, or the request
	lasts   time.Duration // how long it lasts, or the process stays down
	disk    diskFate
	key     int16 // the request that is lost or refused
	answer  bool  // or its answer
	refusal *kerr.Error
	offset  time.Duration // of a clock
}

// kind of fault.
type kind string

const (
	crashes    kind = "crash"   // at a point, or now
	stops      kind = "stop"    // in good order
	freezes    kind = "freeze"  // the network stands still, at a point or now; past the session's timeout this makes a zombie
	resets     kind = "reset"   // every connection breaks
	loses      kind = "lose"    // a request, or its answer
	slows      kind = "slow"    // every answer
	refuses    kind = "refuse"  // the broker answers a request with an error
	skews      kind = "skew"    // a clock goes wrong
	losesSends kind = "unheard" // a producer does not hear that its records were written
)

func (f fault) String() string {
	out := fmt.Sprintf("%8.3f %s %d", f.at.Seconds(), f.kind, f.victim)
	if f.point != nowhere {
		out += fmt.Sprintf(" where %s, time %d", f.point, f.nth)
	}
	if f.disk != "" {
		out += fmt.Sprintf(", its disk is %s", f.disk)
	}
	if f.kind == loses || f.kind == losesSends {
		out += fmt.Sprintf(", request %d, time %d, answer %t", f.key, f.nth, f.answer)
	}
	if f.refusal != nil {
		out += fmt.Sprintf(", request %d: %s", f.key, f.refusal.Message)
	}
	if f.offset != 0 {
		out += fmt.Sprintf(", by %s", f.offset)
	}
	if f.lasts != 0 {
		out += fmt.Sprintf(", for %s", f.lasts)
	}
	return out
}

// planConfig says how much goes wrong.
type planConfig struct {
	span      time.Duration
	faults    int
	processes int
	producers int
}

// plan returns the same faults for the same rng.
func plan(rng *rand.Rand, c planConfig) []fault {
	out := make([]fault, 0, c.faults)
	for range c.faults {
		f := fault{
			at: time.Duration(rng.Int64N(int64(c.span))), victim: rng.IntN(c.processes), nth: 1 + rng.IntN(5),
			lasts: time.Duration(100+rng.IntN(2_000)) * time.Millisecond,
		}
		f.choose(rng, c)
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(a, b fault) int { return cmp.Compare(a.at, b.at) })
	return out
}

func (f *fault) choose(rng *rand.Rand, c planConfig) {
	all := points()
	switch n := rng.IntN(20); {
	case n < 7:
		f.kind, f.point = crashes, all[rng.IntN(len(all))]
		f.disk = []diskFate{diskKept, diskKept, diskTorn, diskLost}[rng.IntN(4)]
	case n < 8:
		f.kind = stops
	case n < 12:
		f.kind, f.point = freezes, []point{nowhere, sending, placing, ending, ended, offsetsKnown, folding, restoring, checkpointing}[rng.IntN(9)]
		f.lasts = time.Duration(1+rng.IntN(9)) * time.Second
	case n < 13:
		f.kind = resets
	case n < 16:
		f.kind, f.answer = loses, rng.IntN(2) == 0
		f.key = []int16{keyProduce, keyTxnOffsetCommit, keyEndTxn, keyEndTxn, keyEndTxn, keyOffsetFetch, keyJoinGroup, keyInitProducerID}[rng.IntN(8)]
	case n < 17:
		f.kind, f.lasts, f.offset = slows, 4*time.Second, time.Duration(50+rng.IntN(700))*time.Millisecond
	case n < 18:
		r := refusals()[rng.IntN(len(refusals()))]
		f.kind, f.key, f.refusal = refuses, r.key, r.err
	case n < 19:
		f.kind, f.offset = skews, time.Duration(rng.IntN(4_000)-2_000)*time.Millisecond
		if rng.IntN(3) == 0 {
			f.offset = -time.Minute
		}
	default:
		f.kind, f.victim, f.key, f.answer = losesSends, rng.IntN(c.producers), keyProduce, true
	}
}

// refused is an error that a broker may well give.
type refused struct {
	key int16
	err *kerr.Error
}

func refusals() []refused {
	return []refused{
		{keyProduce, kerr.NotLeaderForPartition},
		{keyProduce, kerr.NotEnoughReplicas},
		{keyProduce, kerr.RequestTimedOut}, // and written
		{keyOffsetFetch, kerr.UnstableOffsetCommit},
		{keyOffsetFetch, kerr.CoordinatorLoadInProgress},
		{keyListOffsets, kerr.NotLeaderForPartition},
		{keyJoinGroup, kerr.CoordinatorNotAvailable},
		{keyHeartbeat, kerr.UnknownMemberID},
		{keyHeartbeat, kerr.RebalanceInProgress},
		{keyInitProducerID, kerr.ConcurrentTransactions},
		{keyTxnOffsetCommit, kerr.CoordinatorLoadInProgress},
		{keyTxnOffsetCommit, kerr.IllegalGeneration},
		{keyTxnOffsetCommit, kerr.RequestTimedOut}, // and taken
		{keyEndTxn, kerr.CoordinatorNotAvailable},
		{keyEndTxn, kerr.ConcurrentTransactions},
		{keyEndTxn, kerr.UnknownServerError},
	}
}

// carryOut makes the plan's faults happen, each at its time.
func (w *world) carryOut(plan []fault, rng *rand.Rand) {
	for _, f := range plan {
		w.sleep(f.at - w.elapsed())
		w.note("fault: %s", f)
		w.inflict(f, rand.New(rand.NewPCG(rng.Uint64(), 0)))
	}
}

func (w *world) inflict(f fault, rng *rand.Rand) {
	if f.kind == losesSends {
		w.producers[f.victim].impose(&rule{key: f.key, answer: f.answer, nth: f.nth})
		return
	}
	p := w.processes[f.victim]
	switch f.kind {
	case crashes:
		p.arm(f.point, f.nth, func(l *life) { l.kill(f.point, f.lasts, f.disk, rng) })
	case stops:
		p.shutdown(f.lasts)
	case freezes:
		if f.point != nowhere {
			p.arm(f.point, f.nth, func(l *life) { l.freeze(f.lasts) })
		} else if l := p.current(); l != nil {
			l.freeze(f.lasts)
		}
	case resets:
		if l := p.current(); l != nil {
			l.link.reset()
		}
	case loses:
		p.impose(&rule{key: f.key, answer: f.answer, nth: f.nth})
	case slows:
		p.impose(&rule{key: anyKey, answer: true, delay: f.offset, until: time.Now().Add(f.lasts)})
	case refuses:
		w.broker.kafka.Cluster().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Key(f.key)}, Err: f.refusal, Count: f.nth})
	case skews:
		p.skew.Store(int64(f.offset))
	}
}

// freeze stops l's network for a while. Past the session's timeout the group gives its partitions to others, and it does
// not know.
func (l *life) freeze(d time.Duration) {
	before := l.p.w.takeoversBut(l.p)
	l.p.w.note("%s is frozen for %s", l.p.name, d)
	l.link.freeze()
	time.AfterFunc(d, func() {
		if d > sessionTimeout && !l.dead.Load() && l.p.w.takeoversBut(l.p) > before {
			l.p.w.count(func(f *figures) { f.zombies++ })
		}
		l.p.w.note("%s thaws", l.p.name)
		l.link.melt()
	})
}

// takeoversBut counts the partitions that others than p have taken over.
func (w *world) takeoversBut(p *process) (n int64) {
	for _, other := range w.processes {
		if other != p {
			n += other.takeovers.Load()
		}
	}
	return n
}
