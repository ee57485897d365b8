package proof

import (
	"bytes"
	"fmt"
	"strings"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/partition"
)

// Record is one committed record.
type Record struct {
	Offset     int64
	Key, Value []byte
}

// Open reads what a link is checked by: see serde.Open.
type Open func(value []byte, e *engine.Event) (schema es.Hash, body []byte, err error)

// Guard names one of the checks, so that tests can turn it off and see that something is missed.
type Guard uint16

// The guards that Config.Without can turn off.
const (
	// GuardLink compares an event's chain with the hash of what it is made of.
	GuardLink Guard = 1 << iota
	// GuardKey compares a record's key with its event.
	GuardKey
	// GuardPlace compares the partition with the aggregate's.
	GuardPlace
	// GuardOrder has recorded times and the places of commands never run backwards.
	GuardOrder
	// GuardAnchor compares heads with those noted earlier.
	GuardAnchor
)

// Config describes one partition to be walked.
type Config struct {
	Topic      string
	Partition  int32
	Partitions int32
	Open       Open
	// Anchored are heads that were noted earlier, of this topic; those of other partitions are passed over.
	Anchored []Head
	Without  Guard
}

// breaksMax bounds how many breaks of a partition are named. What lies beyond is counted.
const breaksMax = 10_000

// Walk takes the records of one partition in their order. It belongs to one goroutine.
type Walk struct {
	cfg    Config
	heads  map[string]*head
	events int64
	breaks []Break
	broken int64

	// lanes are the newest places of decided commands, by the channel they came from; at is that of the event before.
	// stamped is the newest recorded time.
	lanes   map[lane]*place
	at      *place
	stamped int64

	linker engine.Linker
	name   []byte // memory for names and keys
	event  engine.Event
}

// head is how far an aggregate has come.
type head struct {
	version int64
	chain   es.Hash
	broken  bool // its first break has been told; what follows it proves nothing
	anchor  *Head
}

// lane is what commands are taken from strictly in order.
type lane struct {
	topic       string
	incarnation es.ID
	partition   int32
}

// place is the newest in a lane.
type place struct {
	lane
	offset int64
}

// New begins a walk.
func New(cfg Config) *Walk {
	w := &Walk{cfg: cfg, heads: map[string]*head{}, lanes: map[lane]*place{}}
	if w.without(GuardAnchor) {
		return w
	}
	for i := range cfg.Anchored {
		if h := &cfg.Anchored[i]; partition.Of(h.ID, cfg.Partitions) == cfg.Partition {
			w.heads[h.Aggregate+"/"+h.ID] = &head{anchor: h}
		}
	}
	return w
}

func (w *Walk) without(g Guard) bool { return w.cfg.Without&g != 0 }

// Take takes the next record.
func (w *Walk) Take(r Record) {
	w.events++
	e := &w.event
	schema, body, err := w.cfg.Open(r.Value, e)
	if err != nil {
		s := subjectOf(r.Key)
		w.note(w.head(s.name()), r, s, Unreadable, err.Error())
		return
	}
	m := &e.Meta
	s := subject{e.Aggregate.Name(), m.AggregateID, m.Version}
	h := w.head(s.appendName(w.name[:0]))
	if home := partition.Of(m.AggregateID, w.cfg.Partitions); home != w.cfg.Partition && !w.without(GuardPlace) {
		w.note(h, r, s, Misplaced, fmt.Sprintf("its aggregate lives in partition %d", home))
		return
	}
	kind, differs := w.follows(h, m, schema, body)
	if !w.named(r, s) {
		w.misnamed(h, r, s, kind)
	} else if kind != "" {
		w.note(h, r, s, kind, differs)
	}
	if h.broken {
		return
	}
	h.version, h.chain = m.Version, m.Chain
	w.ordered(h, r, s, m)
	if a := h.anchor; a != nil && a.Version == m.Version && a.Chain != m.Chain {
		w.note(h, r, s, Rewritten, fmt.Sprintf("the anchor has the chain %s, the log %s", a.Chain, m.Chain))
	}
}

// head returns how far an aggregate has come, and keeps name's memory for the next.
func (w *Walk) head(name []byte) *head {
	w.name = name
	h := w.heads[string(name)]
	if h == nil {
		h = &head{}
		w.heads[string(name)] = h
	}
	return h
}

// note tells of an aggregate's first break.
func (w *Walk) note(h *head, r Record, s subject, kind Kind, differs string) {
	if h.broken {
		return
	}
	h.broken = true
	w.broken++
	if len(w.breaks) < breaksMax {
		w.breaks = append(w.breaks, Break{
			Topic: w.cfg.Topic, Partition: w.cfg.Partition, Offset: r.Offset, Kind: kind, Differs: differs,
			Aggregate: strings.Clone(s.aggregate), ID: strings.Clone(s.id), Version: s.version,
		})
	}
}

// follows checks that an event is what comes next in its aggregate; "": it is.
func (w *Walk) follows(h *head, m *es.Meta, schema es.Hash, body []byte) (kind Kind, differs string) {
	switch {
	case h.broken:
		return "", ""
	case m.Version > h.version+1:
		return Missing, fmt.Sprintf("version %d follows version %d", m.Version, h.version)
	case m.Version <= h.version:
		return Repeated, fmt.Sprintf("version %d comes after version %d", m.Version, h.version)
	}
	if link := w.linker.Link(h.chain, schema, body); link != m.Chain && !w.without(GuardLink) {
		return Altered, fmt.Sprintf("its chain is %s, what it is made of gives %s", m.Chain, link)
	}
	return "", ""
}

// named compares a record's key with its event.
func (w *Walk) named(r Record, s subject) bool {
	w.name = s.appendKey(w.name[:0])
	return bytes.Equal(r.Key, w.name) || w.without(GuardKey)
}

// misnamed tells whose event a record is whose key says another: the meta's where its link holds (kind is empty), else
// the key's.
func (w *Walk) misnamed(h *head, r Record, s subject, kind Kind) {
	says := s.appendKey(nil)
	if kind == "" {
		w.note(h, r, s, Misnamed, fmt.Sprintf("its key is %.100q, and should be %.100q", r.Key, says))
		return
	}
	of := subjectOf(r.Key)
	w.note(w.head(of.name()), r, of, Altered, fmt.Sprintf("its key is %.100q, and it says that it is %.100q", r.Key, says))
}

// ordered checks what holds across a partition's aggregates, and so shows that two of them have changed places: times
// never run backwards, and commands of a channel are decided one after another.
func (w *Walk) ordered(h *head, r Record, s subject, m *es.Meta) {
	if w.without(GuardOrder) {
		return
	}
	from := &m.Source
	last := w.laneOf(from)
	switch {
	case from.Offset < last.offset:
		w.note(h, r, s, Disordered, fmt.Sprintf("its command is %s/%d@%d, and that of an event in front of it @%d", last.topic, last.partition, from.Offset, last.offset))
	case m.RecordedAt < w.stamped:
		w.note(h, r, s, Disordered, fmt.Sprintf("it was recorded %d ms before the event in front of it", w.stamped-m.RecordedAt))
	}
	// What stands here is what the next is compared with, not the highest there was: else one event in the wrong place
	// would put all that follow it in the wrong.
	last.offset, w.stamped = from.Offset, m.RecordedAt
}

// laneOf returns the newest place in a command's channel. Most commands come from the channel of the one before.
func (w *Walk) laneOf(from *es.Source) *place {
	at := lane{from.Topic, from.Incarnation, from.Partition}
	if w.at != nil && w.at.lane == at {
		return w.at
	}
	if w.at = w.lanes[at]; w.at == nil {
		at.topic = strings.Clone(at.topic) // it was part of the record
		w.at = &place{lane: at, offset: from.Offset}
		w.lanes[at] = w.at
	}
	return w.at
}
