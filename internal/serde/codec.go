package serde

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"recount/internal/engine"
	"recount/internal/es"
)

// Codec is a catalog whose schemas have IDs. It is safe for concurrent use.
type Codec struct {
	catalog  *Catalog
	contexts map[string]*contextCodec
	replyID  uint32
	events   map[EventSchema]uint32 // every version of every event

	known    atomic.Pointer[map[uint32]*version] // never changed in place: learning replaces it
	own      int                                 // how many of the known are ours
	registry *Registry                           // nil: nothing can be learned
	learning sync.Mutex
	missing  misses
}

// Streams of a context that records are written to; replies are of no context.
const (
	streamCommands  = "commands"
	streamDispatch  = "dispatch"
	streamEvents    = "events"
	streamRefusals  = "refusals"
	streamInbox     = "inbox"
	streamSnapshots = "snapshots"
	streamReplies   = "replies"

	streamProcesses        = "processes"
	streamProcessRefusals  = "process-refusals"
	streamProcessSnapshots = "process-snapshots"
)

// slot is a version's place in a topic. A registry gives each an ID.
type slot struct {
	context string
	stream  string
	version *version
}

// slots lists every place a schema is written to, versions oldest first.
func (c *Catalog) slots() []slot {
	var out []slot
	add := func(context, stream string, r *record) {
		for _, v := range r.versions {
			out = append(out, slot{context, stream, v})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.records)) {
		switch r := c.records[name]; r.kind {
		case event:
			add(r.context, r.home(), r)
		case command:
			add(r.context, streamCommands, r)
			add(r.context, streamDispatch, r)
		case refusal, outcome, snapshot, marker, signal:
			for _, context := range slices.Sorted(maps.Keys(c.contexts)) {
				for _, stream := range r.kind.streams(len(c.contexts[context].processes) > 0) {
					add(context, stream, r)
				}
			}
		case reply:
			add(sharedScope, streamReplies, r)
		}
	}
	return out
}

// Offline returns a codec that needs no registry: for tests, simulations and tools. A schema's ID depends on its name
// and version alone, so frames stay readable when schemas are added. Nothing can be learned.
func (c *Catalog) Offline() *Codec {
	ids := map[slot]uint32{}
	for _, s := range c.slots() {
		ids[s] = offlineID(s.version)
	}
	codec, err := newCodec(c, nil, ids)
	if err != nil {
		panic("serde: " + err.Error()) // NewCatalog made sure that the IDs differ
	}
	return codec
}

func offlineID(v *version) uint32 {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", v.record.name, v.number))
	return binary.BigEndian.Uint32(sum[:]) >> 1 // registries count in int32
}

func newCodec(catalog *Catalog, registry *Registry, ids map[slot]uint32) (*Codec, error) {
	c := &Codec{catalog: catalog, registry: registry, contexts: map[string]*contextCodec{}, events: map[EventSchema]uint32{}}
	known := map[uint32]*version{}
	for s, id := range ids {
		if before := known[id]; before != nil && before != s.version {
			return nil, fmt.Errorf("%s and %s have the same schema ID %d: they must differ in more than their documentation", before.path, s.version.path, id)
		}
		known[id] = s.version
		if s.version.record.kind == event {
			c.events[EventSchema{s.version.record.name, s.version.number}] = id
		}
	}
	c.known.Store(&known)
	c.own = len(known)
	for name, types := range catalog.contexts {
		c.contexts[name] = newContextCodec(c, types, ids)
	}
	c.replyID = ids[slot{sharedScope, streamReplies, catalog.reply.newest()}]
	return c, nil
}

func (c *Codec) versions() map[uint32]*version { return *c.known.Load() }

// Context returns the codec of one context's records, for the engine. It panics if no context is called name.
func (c *Codec) Context(name string) engine.Codec { return c.context(name) }

func (c *Codec) context(name string) *contextCodec {
	ctx := c.contexts[name]
	if ctx == nil {
		panic(fmt.Sprintf("serde: no context is called %q", name))
	}
	return ctx
}

// contextCodec is a codec bound to one context. It implements engine.Codec.
type contextCodec struct {
	*Codec
	types    *contextTypes
	events   map[string]map[reflect.Type]eventWriter // by aggregate
	commands map[string]uint32                       // by wire name
	// dispatched are the commands' IDs in the topic that processes send to.
	dispatched map[string]uint32

	outcomeID, signalID uint32
	own, ofProcesses    streamIDs
}

// home is the stream of an event.
func (r *record) home() string {
	if r.history {
		return streamProcesses
	}
	return streamEvents
}

// streams are those of a context that such records are written to, one with processes or without.
func (k kind) streams(processes bool) []string {
	switch {
	case processes && k == refusal:
		return []string{streamRefusals, streamProcessRefusals}
	case processes && (k == snapshot || k == marker):
		return []string{streamSnapshots, streamProcessSnapshots}
	}
	return []string{k.stream()}
}

// streamIDs are those of the shared records that the owner of a partition writes beside events.
type streamIDs struct{ refusal, snapshot, marker uint32 }

// eventWriter is what an event of one Go type is written with.
type eventWriter struct {
	id      uint32
	version *version
}

func newContextCodec(c *Codec, types *contextTypes, ids map[slot]uint32) *contextCodec {
	cc := &contextCodec{
		Codec: c, types: types, events: map[string]map[reflect.Type]eventWriter{}, commands: map[string]uint32{}, dispatched: map[string]uint32{},
		outcomeID: ids[slot{types.name, streamInbox, c.catalog.outcome.newest()}],
		signalID:  ids[slot{types.name, streamInbox, c.catalog.signal.newest()}],
		own: streamIDs{
			refusal:  ids[slot{types.name, streamRefusals, c.catalog.refusal.newest()}],
			snapshot: ids[slot{types.name, streamSnapshots, c.catalog.snapshot.newest()}],
			marker:   ids[slot{types.name, streamSnapshots, c.catalog.marker.newest()}],
		},
		ofProcesses: streamIDs{
			refusal:  ids[slot{types.name, streamProcessRefusals, c.catalog.refusal.newest()}],
			snapshot: ids[slot{types.name, streamProcessSnapshots, c.catalog.snapshot.newest()}],
			marker:   ids[slot{types.name, streamProcessSnapshots, c.catalog.marker.newest()}],
		},
	}
	for name, a := range types.types {
		cc.events[name] = map[reflect.Type]eventWriter{}
		for t, r := range a.events {
			cc.events[name][t] = eventWriter{ids[slot{types.name, r.home(), r.newest()}], r.newest()}
		}
	}
	for wire, r := range types.commands {
		cc.commands[wire] = ids[slot{types.name, streamCommands, r.newest()}]
		cc.dispatched[wire] = ids[slot{types.name, streamDispatch, r.newest()}]
	}
	return cc
}

// Aggregates returns the types of this context.
func (c *contextCodec) Aggregates() []es.AggregateType { return c.types.aggregates }
