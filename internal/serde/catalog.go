package serde

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/twmb/avro"

	"recount/internal/es"
)

// Catalog is every schema, and the Go type each is bound to. It has no IDs yet: see [Catalog.Offline] and [Catalog.Register].
type Catalog struct {
	contexts    map[string]*contextTypes
	records     map[string]*record
	meta        *record // the shared types that stand in other records; never framed themselves
	commandMeta *record
	refusal     *record
	outcome     *record
	reply       *record
	snapshot    *record
	marker      *record
	signal      *record
}

// contextTypes is one context's part of a catalog.
type contextTypes struct {
	name       string
	aggregates []es.AggregateType
	processes  []es.Process
	types      map[string]*aggregateTypes // of aggregates and processes
	commands   map[string]*record         // by wire name
	concerned  map[string]es.Process      // by "<aggregate type>.<event>"
}

// aggregateTypes is one aggregate's part of a catalog.
type aggregateTypes struct {
	declared es.AggregateType
	events   map[reflect.Type]*record
	commands map[reflect.Type]*record // nil where two share a type
	state    *stateCodec
}

// NewCatalog reads the schemas and binds them to what contexts declare. It returns every fault it finds, each with the
// file it lies in: a file that nobody declares and a type without its file, versions that do not fit the declared
// upcasts (there must be one file more than upcasts; a command has no upcasts and as many versions as files), a name
// or namespace that differs from the file's place, a schema that does not begin with its meta. And it proves every binding with a value.
func NewCatalog(schemas fs.FS, contexts []es.Context) (*Catalog, error) {
	files, err := readFiles(schemas)
	b := builder{
		files:    files,
		catalog:  &Catalog{contexts: map[string]*contextTypes{}, records: map[string]*record{}},
		declared: map[string]bool{},
	}
	b.fault(err)
	b.sharedRecords()
	for _, ctx := range contexts {
		b.context(ctx)
	}
	b.undeclared()
	b.links()
	if err := errors.Join(b.faults...); err != nil {
		return nil, fmt.Errorf("the schemas and the declared types do not fit:\n%w", err)
	}
	return b.catalog, nil
}

// builder collects a catalog, and the faults on the way.
type builder struct {
	files    map[string]map[int]schemaFile
	catalog  *Catalog
	declared map[string]bool // records somebody declares, faulty ones too
	faults   []error
}

func (b *builder) fault(err error) {
	if err != nil {
		b.faults = append(b.faults, err)
	}
}

// record builds r from its files and binds it to t.
func (b *builder) record(r *record, t reflect.Type) {
	if b.declared[r.name] {
		b.fault(fmt.Errorf("%s is declared twice", r.name))
		return
	}
	b.declared[r.name] = true
	files := b.files[r.name]
	if len(files) == 0 {
		b.fault(fmt.Errorf("%s is declared and has no schema: add %s", r.name, pathOf(r.name, 1)))
		return
	}
	err := b.parseVersions(r, files)
	if lifts := len(r.upcasts); err == nil && r.kind == event && len(files) != lifts+1 {
		err = fmt.Errorf("%s: %d versions need %d upcasts, and %d are declared", r.newest().path, len(files), len(files)-1, lifts)
	}
	if err == nil {
		err = r.bind(t)
	}
	if err != nil {
		b.fault(err)
		return
	}
	b.catalog.records[r.name] = r
}

func (b *builder) sharedRecords() {
	c := b.catalog
	for _, shared := range []struct {
		place *(*record)
		name  string
		kind  kind
		as    reflect.Type
	}{
		{&c.meta, metaName, part, reflect.TypeFor[es.Meta]()},
		{&c.commandMeta, commandMetaName, part, reflect.TypeFor[es.CommandMeta]()},
		{&c.refusal, refusalName, refusal, reflect.TypeFor[refusalData]()},
		{&c.outcome, outcomeName, outcome, reflect.TypeFor[outcomeData]()},
		{&c.reply, replyName, reply, reflect.TypeFor[Reply]()},
		{&c.snapshot, snapshotName, snapshot, reflect.TypeFor[snapshotData]()},
		{&c.marker, markerName, marker, reflect.TypeFor[markerData]()},
		{&c.signal, signalName, signal, reflect.TypeFor[signalData]()},
	} {
		*shared.place = &record{name: shared.name, kind: shared.kind}
		b.record(*shared.place, shared.as)
	}
}

// scopeName is what contexts and aggregates may be called: their names are part of topics, URLs and namespaces.
var scopeName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func (b *builder) context(ctx es.Context) {
	switch {
	case !scopeName.MatchString(ctx.Name) || ctx.Name == sharedScope:
		b.fault(fmt.Errorf("%q can't be a context's name: use small letters, digits and _, and not %q", ctx.Name, sharedScope))
		return
	case b.catalog.contexts[ctx.Name] != nil:
		b.fault(fmt.Errorf("context %s is declared twice", ctx.Name))
		return
	}
	types := &contextTypes{
		name: ctx.Name, aggregates: ctx.Aggregates, processes: ctx.Processes,
		types: map[string]*aggregateTypes{}, commands: map[string]*record{}, concerned: map[string]es.Process{},
	}
	b.catalog.contexts[ctx.Name] = types
	for _, a := range ctx.Aggregates {
		b.named(types, a, false)
	}
	for _, p := range ctx.Processes {
		b.named(types, p, true)
		b.concerns(types, p)
	}
}

// named adds an aggregate, or a process, if it has a name of its own: keys, subjects and namespaces begin with it.
func (b *builder) named(ctx *contextTypes, a es.AggregateType, process bool) {
	switch {
	case !scopeName.MatchString(a.Name()):
		b.fault(fmt.Errorf("%q can't be an aggregate's name: use small letters, digits and _", a.Name()))
	case ctx.types[a.Name()] != nil && process:
		b.fault(fmt.Errorf("the name of process %s.%s is taken", ctx.name, a.Name()))
	case ctx.types[a.Name()] != nil:
		b.fault(fmt.Errorf("aggregate %s.%s is declared twice", ctx.name, a.Name()))
	default:
		b.aggregate(ctx, a, process)
	}
}

// concerns notes which events are inputs of p. They must be declared, and of no other process.
func (b *builder) concerns(ctx *contextTypes, p es.Process) {
	for _, name := range p.Concerns() {
		aggregate, event, _ := strings.Cut(name, ".")
		types := ctx.types[aggregate]
		switch before := ctx.concerned[name]; {
		case types == nil || types.declared.EventTypes()[event] == nil:
			b.fault(fmt.Errorf("process %s.%s waits for %s, which no aggregate of the context declares", ctx.name, p.Name(), name))
		case before != nil:
			b.fault(fmt.Errorf("processes %s and %s of %s both wait for %s: an event is an input of one of them", before.Name(), p.Name(), ctx.name, name))
		}
		ctx.concerned[name] = p
	}
}

func (b *builder) aggregate(ctx *contextTypes, a es.AggregateType, process bool) {
	scope := ctx.name + "." + a.Name()
	types := &aggregateTypes{declared: a, events: map[reflect.Type]*record{}, commands: map[reflect.Type]*record{}}
	ctx.types[a.Name()] = types
	events, commands := a.EventTypes(), a.CommandTypes()
	for _, name := range slices.Sorted(maps.Keys(events)) {
		b.event(types, &record{
			name: scope + "." + name, kind: event, context: ctx.name, aggregate: a, wire: name, upcasts: a.Upcasts(name), history: process,
		}, events[name])
	}
	for _, name := range slices.Sorted(maps.Keys(commands)) {
		b.command(ctx, types, &record{
			name: scope + "." + name, kind: command, context: ctx.name, aggregate: a, wire: scope + "." + kebab(name),
		}, commands[name])
	}
	var err error
	types.state, err = newStateCodec(a)
	b.fault(err)
}

func (b *builder) event(types *aggregateTypes, r *record, zero any) {
	t := reflect.TypeOf(zero)
	if before := types.events[t]; before != nil {
		b.fault(fmt.Errorf("%s and %s are declared with the same Go type %s: nothing could tell them apart", before.name, r.name, t))
		return
	}
	types.events[t] = r
	b.record(r, t)
}

func (b *builder) command(ctx *contextTypes, types *aggregateTypes, r *record, zero any) {
	if before := ctx.commands[r.wire]; before != nil {
		b.fault(fmt.Errorf("%s and %s are both called %s on the wire", before.name, r.name, r.wire))
		return
	}
	ctx.commands[r.wire] = r
	t := reflect.TypeOf(zero)
	if _, shared := types.commands[t]; shared {
		types.commands[t] = nil
	} else {
		types.commands[t] = r
	}
	b.record(r, t)
}

// undeclared finds the files that nobody asked for: a name spelled wrong in one place leaves one.
func (b *builder) undeclared() {
	for _, name := range slices.Sorted(maps.Keys(b.files)) {
		if b.declared[name] {
			continue
		}
		for _, f := range b.files[name] {
			b.fault(fmt.Errorf("%s: no context declares %s", f.path, name))
		}
	}
}

// links prepares every version for reading, once all records are there, and sees that the IDs of an offline codec differ.
func (b *builder) links() {
	if len(b.faults) > 0 {
		return
	}
	b.fault(proveMetas(b.catalog.meta.newest().full, b.catalog.commandMeta.newest().full))
	ids := map[uint32]*version{}
	for _, name := range slices.Sorted(maps.Keys(b.catalog.records)) {
		r := b.catalog.records[name]
		b.fault(r.link(b.catalog))
		for _, v := range r.versions {
			id := offlineID(v)
			if before := ids[id]; before != nil {
				b.fault(fmt.Errorf("%s and %s have the same offline ID %d: rename the newer one", before.path, v.path, id))
			}
			ids[id] = v
		}
	}
}

// metaOf returns the newest schema of the meta that a kind of record begins with, or nil.
func (c *Catalog) metaOf(k kind) *avro.Schema {
	switch k.meta() {
	case metaName:
		return c.meta.newest().full
	case commandMetaName:
		return c.commandMeta.newest().full
	}
	return nil
}
