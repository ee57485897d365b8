package serde

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"

	"github.com/twmb/avro"

	"recount/internal/es"
)

// kind is what part a record plays.
type kind int

const (
	event kind = iota
	command
	refusal
	outcome
	reply
	snapshot
	marker
	signal
	part // of other records: a meta
)

// Full names of the shared types.
const (
	metaName        = sharedScope + ".Meta"
	commandMetaName = sharedScope + ".CommandMeta"
	refusalName     = sharedScope + ".Refusal"
	outcomeName     = sharedScope + ".Outcome"
	replyName       = sharedScope + ".Reply"
	snapshotName    = sharedScope + ".Snapshot"
	markerName      = sharedScope + ".Marker"
	signalName      = sharedScope + ".Signal"
)

// meta returns the type that the first field of such a record has; "" if it has none.
func (k kind) meta() string {
	switch k {
	case event, refusal:
		return metaName
	case command, outcome, signal:
		return commandMetaName
	}
	return ""
}

// stream returns the stream of a context that such records are written to.
func (k kind) stream() string {
	return [...]string{
		event: streamEvents, command: streamCommands, refusal: streamRefusals, outcome: streamInbox, reply: streamReplies,
		snapshot: streamSnapshots, marker: streamSnapshots, signal: streamInbox,
	}[k]
}

// in names the kind for people.
func (k kind) in(context string) string {
	name := [...]string{
		event: "an event", command: "a command", refusal: "a refusal", outcome: "an outcome", reply: "a reply",
		snapshot: "a snapshot", marker: "a marker", signal: "a signal",
	}[k]
	if context == "" {
		return name
	}
	return name + " of " + context
}

// record is one kind of value on the wire: its schema versions, and the Go type its data is bound to.
type record struct {
	name     string // bank.account.FundsDeposited
	kind     kind
	versions []*version // oldest first; the last is written
	data     *binding

	// Of a context's records:
	context   string
	aggregate es.AggregateType
	wire      string          // an event's name in its aggregate, FundsDeposited; a command's wire name, bank.account.deposit
	upcasts   []func(any) any // of an event, by version less one
	history   bool            // an event of a process
}

func (r *record) newest() *version { return r.versions[len(r.versions)-1] }

// lift brings data that was written with version n of an event's schema to the newest.
func (r *record) lift(n int, data any) any {
	if n < 1 {
		return data // a schema that is none of ours has been resolved to our newest
	}
	for _, up := range r.upcasts[min(n-1, len(r.upcasts)):] {
		data = up(data)
	}
	return data
}

// version is one schema of a record, taken apart: a body is meta ++ data.
type version struct {
	record *record // nil where a registry knows the schema and we have no such record
	number int     // 0 where another producer wrote it, and it is none of ours
	path   string  // of the file, or the place in the registry
	text   string  // as it is registered: nothing outside is needed to read it

	full        *avro.Schema
	metaType    string
	meta        *avro.Schema // nil in a record without meta
	data        *avro.Schema
	fingerprint es.Hash

	// How a body written with this schema is read into our newest types.
	readMeta *avro.Schema
	readData *avro.Schema
	// ownMeta says that its meta is of the newest version, which needs no library to be read.
	ownMeta bool
	// unreadable says why there is no readData.
	unreadable error

	json   *jsonCodec
	noJSON error // why there is none
}

// name says what v is, for people.
func (v *version) name() string {
	if v.record == nil {
		return v.path
	}
	return fmt.Sprintf("%s (%s)", v.record.name, v.path)
}

func (b *builder) parseVersion(r *record, f schemaFile) (*version, error) {
	text, meta, err := selfContained(f, b.files)
	if err != nil {
		return nil, err
	}
	if meta.record != r.kind.meta() {
		return nil, notFirst(r.kind.meta())
	}
	v := &version{record: r, number: f.version, path: f.path, text: text, metaType: meta.record}
	if v.full, err = avro.Parse(text); err != nil {
		return nil, err
	}
	root := v.full.Root()
	if name := fullName(root); name != r.name {
		return nil, fmt.Errorf("it defines %q, its path says %q", name, r.name)
	}
	if v.meta, err = b.metaSchema(meta); err != nil {
		return nil, err
	}
	if v.data, err = behindMeta(v.full, root, v.metaType); err != nil {
		return nil, err
	}
	v.fingerprint = fingerprint(v.full)
	return v, checkShape(root)
}

// metaSchema returns the schema of a version of a shared type, which all records that begin with it share; nil for no file.
func (b *builder) metaSchema(f schemaFile) (*avro.Schema, error) {
	if f.path == "" {
		return nil, nil
	}
	shared := b.catalog.records[f.record]
	if shared == nil {
		return nil, fmt.Errorf("it needs %s, which has a fault of its own", f.path)
	}
	return shared.versions[f.version-1].full, nil
}

// halves splits a record's schema into that of its meta field, of type metaType, and that of the rest.
func halves(full *avro.Schema, metaType string) (meta, data *avro.Schema, err error) {
	root := full.Root()
	if data, err = behindMeta(full, root, metaType); err != nil || metaType == "" {
		return nil, data, err
	}
	meta, err = root.Fields[0].Type.Schema()
	return meta, data, err
}

// behindMeta returns the schema of what stands behind a record's meta field, of type metaType. root is that of full.
func behindMeta(full *avro.Schema, root *avro.SchemaNode, metaType string) (*avro.Schema, error) {
	if metaType == "" {
		return full, nil
	}
	if len(root.Fields) == 0 || root.Fields[0].Name != "meta" || fullName(&root.Fields[0].Type) != metaType {
		return nil, notFirst(metaType)
	}
	rest := *root
	rest.Fields = root.Fields[1:]
	return rest.Schema()
}

func notFirst(metaType string) error {
	if metaType == "" {
		return errors.New("it has no use for a meta")
	}
	return fmt.Errorf(`the first field must be {"name":"meta","type":%q}`, metaType)
}

func fullName(n *avro.SchemaNode) string {
	if n.Namespace == "" {
		return n.Name
	}
	return n.Namespace + "." + n.Name
}

// fingerprint is what an aggregate's chain knows a schema by: SHA-256 of its Parsing Canonical Form, the same in every language.
func fingerprint(s *avro.Schema) es.Hash {
	return es.Hash(s.Fingerprint(sha256.New()))
}

// parseVersions parses a record's files, which must be numbered 1, 2, 3 … without a gap.
func (b *builder) parseVersions(r *record, files map[int]schemaFile) error {
	var faults []error
	for n := 1; n <= len(files); n++ {
		f, ok := files[n]
		if !ok {
			return fmt.Errorf("%s: version %d is missing, and there are %d files: versions are 1, 2, 3 … without a gap", r.name, n, len(files))
		}
		v, err := b.parseVersion(r, f)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", f.path, err))
			continue
		}
		r.versions = append(r.versions, v)
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	for i := 1; i < len(r.versions); i++ {
		if r.versions[i].text == r.versions[i-1].text {
			return fmt.Errorf("%s: it says the same as version %d", r.versions[i].path, i)
		}
	}
	return nil
}

// bind binds the record's data to t and proves that nothing gets lost.
func (r *record) bind(t reflect.Type) error {
	if t == nil || t.Kind() != reflect.Struct {
		return fmt.Errorf("%s: it is declared with %v, which is not a struct", r.newest().path, t)
	}
	r.data = newBinding(t)
	if err := prove(r.data, r.newest().data); err != nil {
		return fmt.Errorf("%s: bound to %s: %w", r.newest().path, t, err)
	}
	return nil
}

// link prepares every version for reading: resolved against the newest, and as JSON.
func (r *record) link(c *Catalog) error {
	var faults []error
	for _, v := range r.versions {
		v.json, v.noJSON = newJSONCodec(v.data)
		if err := errors.Join(v.noJSON, v.link(c.metaOf(r.kind), r.newest().data)); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", v.path, err))
		}
	}
	return errors.Join(faults...)
}

// link resolves v against the schemas of our newest types. meta is nil where there is none.
func (v *version) link(meta, data *avro.Schema) (err error) {
	switch {
	case meta == nil:
	case v.meta == meta:
		v.readMeta, v.ownMeta = meta, true
	default:
		if v.readMeta, err = avro.Resolve(v.meta, meta); err != nil {
			return fmt.Errorf("its meta can't be read: %w", err)
		}
		v.ownMeta = fingerprint(v.meta) == fingerprint(meta)
	}
	if v.readData, err = avro.Resolve(v.data, data); err != nil {
		return fmt.Errorf("it can't be read as the newest version: %w", err)
	}
	return nil
}

// eventMeta reads the meta that the body of an event or a refusal begins with, and returns the rest. Its strings may be
// part of body.
func (v *version) eventMeta(body []byte, m *es.Meta) (data []byte, err error) {
	if v.ownMeta {
		if rest, ok := readEventMeta(body, m); ok {
			return rest, nil
		}
	}
	return viaLibrary(v.readMeta, body, m) // which says what is wrong with it
}

// commandMeta is eventMeta for a command.
func (v *version) commandMeta(body []byte, m *es.CommandMeta) (data []byte, err error) {
	if v.ownMeta {
		if rest, ok := readCommandMeta(body, m); ok {
			return rest, nil
		}
	}
	return viaLibrary(v.readMeta, body, m)
}

// viaLibrary reads into memory of its own: given the caller's, the compiler would put that on the heap for every record.
func viaLibrary[T any](s *avro.Schema, body []byte, into *T) (rest []byte, err error) {
	var read T
	rest, err = s.Decode(body, &read)
	*into = read
	return rest, err
}
