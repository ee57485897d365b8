package sim

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"time"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/statestore"
)

// pureConfig describes a pure world.
type pureConfig struct {
	code
	seed   uint64
	script scriptConfig
	calm   bool // no faults
}

// pureWorld is everything outside the engine, simulated: a log that moves together with the group's offsets, machines
// with disks and clocks, sessions that own partitions, and a schedule that one source of chance decides. One goroutine
// runs it all.
type pureWorld struct {
	pureConfig
	rng      *rand.Rand
	history  *history
	codec    engine.Codec // what the engines use
	orders   []order      // not sent yet
	millis   int64        // the true time
	shares   []*share
	machines []*machine
	asleep   []*owner // their group has given their partitions to others, and they don't know
	landing  []*write
	standby  *standby // a restore under way
	counts   figures
	trace    trace
	err      error
}

// share is what the broker knows of one partition.
type share struct {
	number     int32
	log        *partitionLog
	ends       ends
	committed  [2]int64 // the group's offsets by channel; -1: none
	generation int      // raised with every new owner
	owner      *owner   // nil while it has none
	last       *machine // that owned it
	open       *transaction
}

// ends are the next offsets of a partition's outputs.
type ends struct{ events, refusals, snapshots int64 }

// transaction was sent and has not ended: its records are in the log and nobody sees them.
type transaction struct {
	fx      *engine.Effects
	next    [2]int64
	commits bool // what it will turn out to be
}

// machine is a process with its disk and its clock.
type machine struct {
	name   string
	root   *rawRoot
	leases *statestore.Leases
	skew   int64          // of its clock, in milliseconds
	torn   map[int32]bool // partitions that lost a state from this disk, and were not folded since
}

const (
	purePartitions = 3
	pureMachines   = 3
	pureBegan      = 1_000_000 // milliseconds: when a run begins
	pureBatchMax   = 12
	// A snapshot is taken after so many events of an aggregate, and a part of a checkpoint has at most so many.
	pureSnapshotEvery  = 5
	pureCheckpointPart = 3
	clockErrorMax      = 3_000   // milliseconds: how wrong a clock is that nobody notices
	turnsMax           = 100_000 // a run that takes more has got stuck
)

func newPureWorld(c pureConfig) *pureWorld {
	w := &pureWorld{pureConfig: c, rng: stream(c.seed, whoIsThere), millis: pureBegan}
	w.history = &history{frames: c.frames, topics: [2]engine.Topic{
		engine.Commands: {Name: contextName + ".commands", ID: es.ID{1}},
		engine.Dispatch: {Name: contextName + ".dispatch", ID: es.ID{2}},
	}, eventsID: es.ID{3}, snapshotsID: es.ID{4}}
	w.codec = c.mutation.bentCodec(c.frames.Context(contextName), func() time.Time { return time.UnixMilli(w.millis - w.rng.Int64N(clockErrorMax)) })
	for n := range int32(purePartitions) {
		log := &partitionLog{}
		w.history.parts = append(w.history.parts, log)
		w.shares = append(w.shares, &share{number: n, log: log, committed: [2]int64{-1, -1}})
	}
	for n := range pureMachines {
		m := &machine{name: fmt.Sprint("w", n)}
		m.insert(newRawRoot())
		w.machines = append(w.machines, m)
	}
	w.orders = script(c.frames, stream(c.seed, whatIsAsked), c.script)
	return w
}

func (m *machine) insert(disk *rawRoot) {
	m.root = disk
	if disk.blank {
		m.torn = map[int32]bool{}
	}
	m.leases = statestore.NewLeases(disk, func(r statestore.Reader) (int64, error) { return engine.StoredPosition(r) })
}

func (w *pureWorld) config(n int32) engine.Config {
	return engine.Config{
		Context: contextName, Partition: n, Partitions: purePartitions, Topics: w.history.topics, EventsID: w.history.eventsID, SnapshotsID: w.history.snapshotsID, Codec: w.codec,
		DedupMillis: w.dedupMillis(), DedupEntries: w.dedupEntries(),
		CacheBytes:     1, // few, so that the store is read
		RecordBytesMax: engine.RecordBytesMaxDefault, SnapshotEvery: pureSnapshotEvery,
	}
}

func (w *pureWorld) dedupMillis() int64 {
	if w.mutation == noDedup {
		return 0
	}
	return 1 << 40
}

func (w *pureWorld) dedupEntries() int {
	if w.mutation == shortMemory {
		return 1 // the engine makes it 16, which is not enough either
	}
	return 1 << 20
}

// run takes turns until everything that was sent is decided, then lets all owners stop in good order.
func (w *pureWorld) run() error {
	for turn := 0; w.err == nil && !w.settled(); turn++ {
		if turn == turnsMax {
			return fmt.Errorf("commands are still undecided after %d turns", turn)
		}
		w.millis += w.rng.Int64N(400)
		w.turn()
	}
	for _, s := range w.shares {
		w.resolve(s)
		s.log.eventsEnd, s.log.refusalsEnd = s.ends.events, s.ends.refusals
		if s.owner != nil && w.err == nil {
			w.giveUp(s, true)
		}
	}
	for w.err == nil && len(w.landing) > 0 {
		w.land()
	}
	w.collectStores()
	w.counts.runs, w.counts.virtual = 1, time.Duration(w.millis-pureBegan)*time.Millisecond
	w.counts.observe(w.history)
	return w.err
}

func (w *pureWorld) settled() bool {
	if len(w.orders) > 0 {
		return false
	}
	for _, s := range w.shares {
		if s.open != nil {
			return false
		}
		for c, records := range s.log.inputs {
			if len(records) > 0 && s.committed[c] <= records[len(records)-1].offset {
				return false
			}
		}
	}
	return true
}

// turn does one thing.
func (w *pureWorld) turn() {
	s := w.shares[w.rng.IntN(len(w.shares))]
	n := w.rng.IntN(240)
	if w.calm {
		n %= 190
	}
	switch {
	case n < 50:
		w.send()
	case n < 110:
		w.decide(s)
	case n < 135:
		w.flush(s)
	case n < 160:
		w.land()
	case n < 175:
		w.checkpoint(s)
	case n < 180:
		w.compact(s)
	case n < 190:
		w.restoreBeside(s)
	case n < 208:
		w.move(s)
	case n < 216:
		w.wake()
	case n < 220:
		w.crash(w.machines[w.rng.IntN(len(w.machines))], nowhere)
	case n < 223:
		w.skew(w.machines[w.rng.IntN(len(w.machines))])
	case n < 227:
		w.damage(s)
	default:
		w.forget(s)
	}
}

// send publishes some of the script.
func (w *pureWorld) send() {
	n := min(1+w.rng.IntN(6), len(w.orders))
	for _, o := range w.orders[:n] {
		log := w.history.parts[o.partition]
		offset := int64(len(log.inputs[engine.Commands]))
		log.inputs[engine.Commands] = append(log.inputs[engine.Commands], record{offset: offset, key: []byte(o.key), value: o.frame})
	}
	w.orders = w.orders[n:]
}

// skew sets a machine's clock wrong: by a little, or so far back that it must notice.
func (w *pureWorld) skew(m *machine) {
	m.skew = w.rng.Int64N(2*clockErrorMax) - clockErrorMax
	if w.rng.IntN(4) == 0 {
		m.skew = -60_000
	}
	w.trace.add("%s: its clock is off by %d ms", m.name, m.skew)
}

// forget loses the group's offsets of a partition without an owner. Where the last commands left no trace in the
// outputs they would be decided again: that is what --accept-lost-commands says, and not looked at here.
func (w *pureWorld) forget(s *share) {
	w.resolve(s)
	if s.owner != nil || s.committed != w.traced(s) {
		return
	}
	s.committed = [2]int64{-1, -1}
	w.trace.add("partition %d: the group's offsets are lost", s.number)
}

// traced is where each channel goes on by what events and refusals say alone.
func (w *pureWorld) traced(s *share) [2]int64 {
	next := [2]int64{-1, -1}
	raise := func(src es.Source) {
		for c, t := range w.history.topics {
			if src.Topic == t.Name {
				next[c] = max(next[c], src.Offset+1)
			}
		}
	}
	codec := w.history.frames.Context(contextName)
	for _, r := range s.log.events {
		if e, err := codec.DecodeEvent(r.value); err == nil {
			raise(e.Meta.Source)
		}
	}
	for _, r := range s.log.refusals {
		if meta, _, _, err := codec.DecodeRefusal(r.value); err == nil {
			raise(meta.Source)
		}
	}
	return next
}

// digest is the same for two runs of one seed, to the last bit.
func (w *pureWorld) digest() string {
	h := sha256.New()
	fmt.Fprintln(h, w.trace.String())
	for _, p := range w.history.parts {
		for _, list := range [][]record{p.inputs[0], p.inputs[1], p.events, p.refusals, p.snapshots, p.deadLetters} {
			for _, r := range list {
				fmt.Fprintf(h, "%d %x %x %q\n", r.offset, r.key, r.value, r.headers)
			}
		}
	}
	for _, s := range w.history.stores {
		for pair, err := range s.reader.Scan(nil, nil) {
			fmt.Fprintf(h, "%s %d %x %x %v\n", s.owner, s.partition, pair.Key, pair.Value, err)
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}
