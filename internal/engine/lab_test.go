package engine_test

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/partition"
	"recount/internal/serde"
	"recount/internal/statestore"
	"recount/schemas/avro"
)

// The lab is a context made for these tests: a counter that adds, splits a command into several events, refuses,
// changes nothing, breaks, grows an event too large, and a state.
type (
	counter struct {
		Total int64  `avro:"total"`
		Text  string `avro:"text"`
	}
	labCommand interface{ labCommand() }
	labEvent   interface{ labEvent() }

	add struct {
		By    int64 `avro:"by"`
		Times int32 `avro:"times"`
	}
	explode struct {
		Note string `avro:"note"`
	}
	grow struct {
		Bytes int32 `avro:"bytes"`
	}
	added struct {
		By int64 `avro:"by"`
	}
	grown struct {
		Text string `avro:"text"`
	}
)

const tooMuch es.Refusal = "counter/too-much"

func (add) labCommand()     {}
func (explode) labCommand() {}
func (grow) labCommand()    {}
func (added) labEvent()     {}
func (grown) labEvent()     {}

func (c counter) Decide(cmd labCommand) ([]labEvent, error) {
	switch cmd := cmd.(type) {
	case add:
		var events []labEvent
		for range cmd.Times {
			events = append(events, added{By: cmd.By})
		}
		return events, es.Require(c.Total+cmd.By <= 100, tooMuch)
	case grow:
		return []labEvent{added{By: 1}, grown{Text: strings.Repeat("x", int(cmd.Bytes))}}, nil
	case explode:
		panic("the lab blew up")
	}
	panic(es.Unhandled(cmd))
}

func (c counter) Evolve(e labEvent) counter {
	switch e := e.(type) {
	case added:
		c.Total += e.By
	case grown:
		c.Text += e.Text
	}
	return c
}

func lab(revision int) es.Context {
	return es.Context{Name: "lab", Aggregates: []es.AggregateType{es.Declare(es.Type[counter, labCommand, labEvent]{
		Name: "counter", Revision: revision,
		Commands: map[string]labCommand{"Add": add{}, "Explode": explode{}, "Grow": grow{}},
		Events:   map[string]labEvent{"Added": added{}, "Grown": grown{}},
	})}}
}

func labSchemas(t testing.TB) fs.FS {
	t.Helper()
	files := fstest.MapFS{}
	shared, err := fs.Glob(avro.FS, "recount/*.avsc")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range shared {
		text, err := fs.ReadFile(avro.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: text}
	}
	for name, fields := range map[string]string{
		"Add":     `{"name":"meta","type":"recount.CommandMeta"},{"name":"by","type":"long"},{"name":"times","type":"int"}`,
		"Explode": `{"name":"meta","type":"recount.CommandMeta"},{"name":"note","type":"string"}`,
		"Grow":    `{"name":"meta","type":"recount.CommandMeta"},{"name":"bytes","type":"int"}`,
		"Added":   `{"name":"meta","type":"recount.Meta"},{"name":"by","type":"long"}`,
		"Grown":   `{"name":"meta","type":"recount.Meta"},{"name":"text","type":"string"}`,
	} {
		files["lab/counter/"+name+".v1.avsc"] = &fstest.MapFile{Data: []byte(
			`{"type":"record","name":"` + name + `","namespace":"lab.counter","fields":[` + fields + `]}`)}
	}
	return files
}

// rig is a partition with a log beside it, as the tests drive it by hand.
type rig struct {
	t     testing.TB
	codec *serde.Codec
	cfg   engine.Config
	store statestore.Store
	p     *engine.Partition
	next  [2]int64
	// The committed log.
	events, refusals, snapshots []engine.Stored
}

const rigPartitions = 4

func newRig(t testing.TB, revision int) *rig {
	t.Helper()
	return newRigOf(t, lab(revision))
}

func newRigOf(t testing.TB, context es.Context) *rig {
	t.Helper()
	catalog, err := serde.NewCatalog(labSchemas(t), []es.Context{context})
	if err != nil {
		t.Fatal(err)
	}
	codec := catalog.Offline()
	r := &rig{t: t, codec: codec, store: statestore.NewMemStore(), cfg: engine.Config{
		Context: "lab", Partition: partition.Of("a", rigPartitions), Partitions: rigPartitions,
		Topics:   [2]engine.Topic{{Name: "lab.commands", ID: es.ID{1}}, {Name: "lab.dispatch", ID: es.ID{2}}},
		EventsID: es.ID{3}, SnapshotsID: es.ID{4},
		Codec:       codec.Context("lab"),
		DedupMillis: engine.DedupMillisDefault, DedupEntries: 1000, CacheBytes: 40_000, RecordBytesMax: 10_000,
	}}
	r.open()
	return r
}

func (r *rig) open() {
	r.t.Helper()
	var err error
	if r.p, err = engine.Open(r.cfg, r.store); err != nil {
		r.t.Fatal(err)
	}
}

// command returns the next input of the commands channel.
func (r *rig) command(kind, id, commandID, data string, edit ...func(*es.CommandMeta)) engine.Input {
	r.t.Helper()
	meta := es.CommandMeta{AggregateID: id, CommandID: commandID}
	for _, e := range edit {
		e(&meta)
	}
	frame, err := r.codec.CommandFromJSON("lab.counter."+kind, meta, []byte(data))
	if err != nil {
		r.t.Fatal(err)
	}
	return r.input(frame)
}

func (r *rig) input(value []byte, headers ...engine.Header) engine.Input {
	in := engine.Input{Channel: engine.Commands, Offset: r.next[engine.Commands], Key: []byte("key"), Value: value, Headers: headers}
	r.next[engine.Commands]++
	return in
}

func (r *rig) step(now int64, batch ...engine.Input) *engine.Effects {
	r.t.Helper()
	fx, err := r.p.Step(now, batch)
	if err != nil {
		r.t.Fatal(err)
	}
	return fx
}

// commit appends fx to the log, takes it over and flushes it to the store.
func (r *rig) commit(fx *engine.Effects) {
	r.t.Helper()
	r.publish(fx)
	r.p.Commit(fx, int64(len(r.events)), int64(len(r.refusals)))
	r.write(fx.Writes, fx.Deletes)
	r.flush()
}

// settle writes the states that have changed, and nothing else.
func (r *rig) settle() {
	r.t.Helper()
	writes, deletes, err := r.p.States()
	if err != nil {
		r.t.Fatal(err)
	}
	r.write(writes, deletes)
}

func (r *rig) flush() {
	r.t.Helper()
	writes, deletes, err := r.p.Flush()
	if err != nil {
		r.t.Fatal(err)
	}
	r.write(writes, deletes)
}

func (r *rig) write(writes []engine.Write, deletes [][]byte) {
	r.t.Helper()
	var b statestore.Batch
	for _, w := range writes {
		b.Set(w.Key, w.Value)
	}
	for _, key := range deletes {
		b.Delete(key)
	}
	if err := r.store.Apply(&b); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) publish(fx *engine.Effects) {
	r.events = appendStored(r.events, fx.Events)
	r.refusals = appendStored(r.refusals, fx.Refusals)
	r.snapshots = appendStored(r.snapshots, fx.Snapshots)
}

// appendStored copies the records, as a log does: a step's memory is used again.
func appendStored(log []engine.Stored, records []engine.Record) []engine.Stored {
	for _, r := range records {
		log = append(log, engine.Stored{Offset: int64(len(log)), Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value)})
	}
	return log
}

// decoded returns the events of fx.
func (r *rig) decoded(fx *engine.Effects) []engine.Event {
	r.t.Helper()
	var out []engine.Event
	for _, rec := range fx.Events {
		e, err := r.cfg.Codec.DecodeEvent(rec.Value)
		if err != nil {
			r.t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

// rejections returns the refusals of fx.
func (r *rig) rejections(fx *engine.Effects) []es.Rejection {
	r.t.Helper()
	var out []es.Rejection
	for _, rec := range fx.Refusals {
		_, rejection, _, err := r.cfg.Codec.DecodeRefusal(rec.Value)
		if err != nil {
			r.t.Fatal(err)
		}
		out = append(out, rejection)
	}
	return out
}
