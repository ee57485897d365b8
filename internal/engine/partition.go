package engine

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"

	"recount/internal/es"
)

// Config is what a partition's engine needs to know.
type Config struct {
	Context string
	// Partition of Partitions: the epoch's count, never read from metadata.
	Partition, Partitions int32
	// Topics are the two channels' names and incarnations; EventsID and SnapshotsID are the incarnations of these topics.
	Topics                [channels]Topic
	EventsID, SnapshotsID es.ID
	Codec                 Codec
	// Outbox encodes what processes send; nil where the aggregates are none.
	Outbox Outbox
	// DedupMillis and DedupEntries bound the window in which a repeated command ID is recognised, whichever ends
	// first. A retry later than that is a new command. An entry takes 64 bytes of memory, up to twice that while the
	// window is not full.
	DedupMillis  int64
	DedupEntries int
	// CacheBytes bounds the decoded aggregates kept in memory, by an estimate of their size. What a batch touches, and
	// what the store does not have yet, is kept all the same.
	CacheBytes int
	// RecordBytesMax bounds an event's size: keep it below the broker's message.max.bytes with room for a batch's overhead.
	RecordBytesMax int
	// SnapshotEvery is after how many events an aggregate gets a snapshot in its batch's own transaction; 0: only
	// checkpoints write any. An active aggregate is then out of the way when a checkpoint comes.
	SnapshotEvery int64
}

// Topic is a topic's name and incarnation.
type Topic struct {
	Name string
	ID   es.ID
}

// Defaults for Config.
const (
	DedupMillisDefault    = 60 * 60 * 1000
	DedupEntriesDefault   = 1_000_000
	CacheBytesDefault     = 64 << 20
	RecordBytesMaxDefault = 900 << 10
	SnapshotEveryDefault  = 100
)

// Partition is what one owner knows of one partition: where the log is reflected, which commands were decided lately, and the
// aggregates it has touched. It is not safe for concurrent use: whoever holds the partition's lease owns it.
type Partition struct {
	cfg    Config
	store  Reader
	marks  marks
	window *window
	cache  cache
	blocks uint64 // dedup blocks written

	changes uint64  // begun
	dirty   []*cell // whose entries the store does not have
	spare   scratch // memory of a step whose effects nobody needs any more
	folding change  // memory of the last fold
	states  stateWriter
	stale   [][]byte // keys of timers in the store that nobody waits for

	agenda       agenda                           // what processes wait for
	checkpoint   *checkpoint                      // under way; nil: none
	vacant       bool                             // the store has no state: a fold from zero need not ask it about each aggregate it meets
	foldFrom     int64                            // events below are in the snapshots that this partition was restored from
	rememberFrom struct{ events, refusals int64 } // what lies below is older than the dedup window
}

// Open returns a partition as far as store reflects the log. A store made under other conditions is ErrForeignStore:
// it is to be dropped, and opened again empty. What the log holds beyond Position is for Fold.
func Open(cfg Config, store Reader) (*Partition, error) {
	p := &Partition{
		cfg: cfg, store: store,
		window: newWindow(cfg.DedupMillis, cfg.DedupEntries),
		cache:  newCache(cfg.CacheBytes, cfg.Codec.Aggregates()),
	}
	if err := p.loadAgenda(); err != nil {
		return nil, err
	}
	value, found, err := store.Get([]byte(keyMarks))
	if err != nil {
		return nil, fmt.Errorf("reading the watermarks: %w", err)
	}
	if !found {
		p.marks.markerNext, p.vacant = -1, true
		return p, nil
	}
	made, _, err := store.Get([]byte(keyIdentity))
	if err != nil {
		return nil, fmt.Errorf("reading the store's identity: %w", err)
	}
	if !bytes.Equal(made, cfg.identity()) {
		return nil, ErrForeignStore
	}
	if p.marks, err = decodeMarks(value); err != nil {
		return nil, fmt.Errorf("reading the watermarks: %w", err)
	}
	return p, p.loadWindow()
}

// identity names everything that the values in a store depend on beside the log itself.
func (c Config) identity() []byte {
	id := []byte(layoutNumber + c.Context + "/" + strconv.Itoa(int(c.Partition)) + "/" + strconv.Itoa(int(c.Partitions)) + "/")
	id = append(append(id, c.EventsID[:]...), c.SnapshotsID[:]...)
	for _, t := range c.Topics {
		id = append(id, t.ID[:]...)
	}
	for _, a := range c.Codec.Aggregates() {
		fold := c.Codec.Fold(a)
		id = append(append(id, a.Name()...), fold[:]...)
	}
	return id
}

func (p *Partition) loadWindow() error {
	for pair, err := range p.store.Scan([]byte(prefixDedup), []byte{prefixDedup[0] + 1}) {
		if err != nil {
			return fmt.Errorf("reading the dedup window: %w", err)
		}
		if err := p.window.load(pair.Value); err != nil {
			return err
		}
		p.blocks = max(p.blocks, binary.BigEndian.Uint64(pair.Key[len(pair.Key)-8:])+1)
	}
	return nil
}

// Position is where the log's reflection ends: the next offsets to fold.
func (p *Partition) Position() (events, refusals int64) {
	return p.marks.eventsNext, p.marks.refusalsNext
}

// Start tells where the group's committed offset for a channel is: what lies below was decided before.
func (p *Partition) Start(c Channel, committed int64) {
	p.marks.sourceNext[c] = max(p.marks.sourceNext[c], committed)
}

// Next is the offset that follows the last decided command of a channel.
func (p *Partition) Next(c Channel) int64 { return p.marks.sourceNext[c] }

// RecordedAt is the partition's last recorded time, Unix milliseconds. A clock far behind it must not decide.
func (p *Partition) RecordedAt() int64 { return p.marks.recordedAt }

// Stats describes a partition's memory.
type Stats struct {
	Cached       int   // aggregates in memory
	DedupEntries int   // commands remembered
	DedupEvicted int64 // forgotten for their number before their time
	// DedupUnflushed are those among the remembered that the next Flush writes.
	DedupUnflushed int
}

// Stats returns p's figures.
func (p *Partition) Stats() Stats {
	return Stats{
		Cached: p.cache.len(), DedupEntries: p.window.len(), DedupEvicted: p.window.evicted,
		DedupUnflushed: p.window.pending(),
	}
}

// Unwritten is how many commands and states the next Flush writes.
func (p *Partition) Unwritten() int { return p.window.pending() + len(p.dirty) }

// Commit takes fx over: it is known to be committed, and eventsNext and refusalsNext are the offsets after its last
// event and refusal (as they are, where it had none). fx must be of the newest step or checkpoint, and its memory is
// used again: it is valid until the next step.
func (p *Partition) Commit(fx *Effects, eventsNext, refusalsNext int64) {
	if fx.change.number != p.changes {
		panic("engine: only the newest step can be committed")
	}
	p.take(&fx.change)
	p.marks.eventsNext = max(p.marks.eventsNext, eventsNext)
	p.marks.refusalsNext = max(p.marks.refusalsNext, refusalsNext)
	for c, next := range fx.Next {
		p.marks.sourceNext[c] = max(p.marks.sourceNext[c], next)
	}
	if c := fx.change.checkpoint; c != nil {
		p.advance(c)
		return
	}
	p.spare = scratch{fx: fx, buf: fx.buf}
}

// Flush returns what the store needs to reflect the log as far as p does: the states that have changed, the watermarks,
// the newly remembered commands in blocks, and the keys of blocks that have left the window, for their age or for their
// number: what is on disk is bounded as what is in memory. All of it goes into one batch, with what States returned since
// the last Flush. It is valid until the next call of either.
//
// It is not called between a step and its commit.
func (p *Partition) Flush() (writes []Write, deletes [][]byte, err error) {
	writes, deletes, err = p.States()
	if err != nil {
		return nil, nil, err
	}
	for block, newest := p.window.block(); len(block) > 0; block, newest = p.window.block() {
		writes = append(writes, Write{dedupKey(newest, p.blocks), block})
		p.blocks++
	}
	writes = append(writes,
		Write{[]byte(keyIdentity), p.cfg.identity()},
		Write{[]byte(keyMarks), p.marks.encode()})
	for pair, err := range p.store.Scan([]byte(prefixDedup), dedupKey(max(0, p.window.begins()), 0)) {
		if err != nil {
			break // they are only left over: the next flush finds them again
		}
		deletes = append(deletes, bytes.Clone(pair.Key))
	}
	return writes, deletes, nil
}
