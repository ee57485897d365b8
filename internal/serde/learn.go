package serde

import (
	"context"
	"fmt"
	"maps"
	"math"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"
)

const (
	// learnedMax bounds the schemas of other producers that are kept. Each had to be registered by somebody; a codec that
	// has met more of them takes no further ones.
	learnedMax = 4096
	// referencesMax bounds the schemas that one learned schema may refer to, directly or not.
	referencesMax = 64
)

// Unknown reports the schema ID of frame if nothing is known about it, and asking the registry may help: call
// [Codec.Learn] before decoding the frame. It is quick. What is no frame at all is nothing to learn.
func (c *Codec) Unknown(frame []byte) (id int, unknown bool) {
	raw, _, err := splitFrame(frame)
	if err != nil || raw > math.MaxInt32 { // registries count in int32
		return 0, false
	}
	if _, ok := c.versions()[raw]; ok || c.registry == nil {
		return int(raw), false
	}
	return int(raw), !c.missing.has(raw)
}

// Learn fetches the schema with this ID from the registry: a producer in another language registered a version of its
// own, or a newer release of ours a newer one. If it can be read as one of our records, its frames are decoded from now
// on; if not, decoding them says why. An ID that the registry does not know is remembered for a while, so that garbage
// can't cause a request for each record (see misses). An error means that the registry could not be asked: try again.
func (c *Codec) Learn(ctx context.Context, id int) error {
	if c.registry == nil {
		return nil
	}
	c.learning.Lock()
	defer c.learning.Unlock()
	raw := uint32(id)
	if _, ok := c.versions()[raw]; ok || c.missing.has(raw) {
		return nil // another partition was faster
	}
	doing := fmt.Sprintf("asking for schema ID %d", id)
	schema, err := c.registry.client.SchemaByID(ctx, id)
	if hasCode(err, sr.ErrSchemaNotFound) {
		c.missing.add(raw)
		return nil
	}
	if err != nil {
		return c.registry.explain(doing, err)
	}
	v, err := c.foreign(ctx, id, schema)
	if err != nil {
		return c.registry.explain(doing, err)
	}
	c.learn(raw, v)
	return nil
}

// learn makes v known under id. Readers see the table before or after, never in between.
func (c *Codec) learn(id uint32, v *version) {
	before := c.versions()
	if len(before)-c.own >= learnedMax {
		c.missing.add(id)
		return
	}
	after := maps.Clone(before)
	after[id] = v
	c.known.Store(&after)
}

// foreign makes of a schema somebody else registered what can be made of it. An error means that the registry failed.
func (c *Codec) foreign(ctx context.Context, id int, schema sr.Schema) (*version, error) {
	v := &version{path: fmt.Sprintf("schema ID %d", id)}
	if schema.Type != sr.TypeAvro {
		v.unreadable = fmt.Errorf("%s is %s, not Avro", v.path, schema.Type)
		return v, nil
	}
	var named avro.SchemaCache
	left := referencesMax
	unusable, err := c.references(ctx, &named, schema.References, &left)
	if err != nil {
		return nil, err
	}
	var full *avro.Schema
	if unusable == nil {
		full, unusable = named.Parse(schema.Schema)
	}
	if unusable == nil {
		full, unusable = full.Root().Schema() // as one text, without references
	}
	if unusable != nil {
		v.unreadable = fmt.Errorf("%s: %w", v.path, unusable)
		return v, nil
	}
	v.full, v.text, v.fingerprint = full, full.String(), fingerprint(full)
	if unusable = v.recognize(c.catalog); unusable != nil {
		v.unreadable = fmt.Errorf("%s: %w", v.path, unusable)
	}
	return v, nil
}

// references parses the schemas that a schema refers to, those they refer to first. It says why they can't be used, or
// that the registry failed.
func (c *Codec) references(ctx context.Context, named *avro.SchemaCache, refs []sr.SchemaReference, left *int) (unusable, err error) {
	for _, ref := range refs {
		if *left--; *left < 0 {
			return fmt.Errorf("it refers to more than %d schemas", referencesMax), nil
		}
		s, err := c.registry.client.SchemaByVersion(ctx, ref.Subject, ref.Version)
		switch {
		case hasCode(err, sr.ErrSubjectNotFound, sr.ErrVersionNotFound):
			return fmt.Errorf("it refers to version %d of %s, which does not exist", ref.Version, ref.Subject), nil
		case err != nil:
			return nil, err
		}
		if unusable, err = c.references(ctx, named, s.References, left); unusable != nil || err != nil {
			return unusable, err
		}
		if _, unusable = named.Parse(s.Schema.Schema); unusable != nil {
			return fmt.Errorf("version %d of %s, which it refers to: %w", ref.Version, ref.Subject, unusable), nil
		}
	}
	return nil, nil
}

// recognize finds the record of ours that v is a version of, and how to read the one as the other. The error says why it can't.
func (v *version) recognize(c *Catalog) (err error) {
	root := v.full.Root()
	name := fullName(root)
	v.path = fmt.Sprintf("%s, %s", v.path, name)
	r := c.records[name]
	if r == nil || r.kind == part {
		v.recognizeMeta(c)
		return fmt.Errorf("none of our records is called %s", name)
	}
	v.record, v.metaType = r, r.kind.meta()
	for _, ours := range r.versions {
		if ours.fingerprint == v.fingerprint {
			v.number = ours.number // the same but for its documentation
		}
	}
	if v.meta, v.data, err = halves(v.full, v.metaType); err != nil {
		return err
	}
	v.json, v.noJSON = newJSONCodec(v.data)
	return v.link(c.metaOf(r.kind), r.newest().data)
}

// recognizeMeta lets the meta of somebody else's command be read, so that whoever waits for it learns that it is not ours.
func (v *version) recognizeMeta(c *Catalog) {
	meta, _, err := halves(v.full, commandMetaName)
	if err != nil {
		return // no command
	}
	if v.readMeta, err = avro.Resolve(meta, c.metaOf(command)); err != nil {
		v.readMeta = nil
		return
	}
	v.metaType = commandMetaName
}
