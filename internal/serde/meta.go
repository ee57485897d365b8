package serde

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"unsafe"

	"github.com/twmb/avro"

	"recount/internal/es"
)

// The metas stand in every record, and are the larger part of most. So they are written and read here field by field,
// five times as fast as by reflection. The schema files stay what says how: a catalog proves that both agree, see
// proveMetas, and a meta of any other version is read by the library.

// appendEventMeta appends m as the newest recount.Meta.
func appendEventMeta(dst []byte, m *es.Meta) []byte {
	dst = append(append(dst, m.Chain[:]...), m.EventID[:]...)
	dst = appendText(dst, m.AggregateID)
	dst = binary.AppendVarint(dst, m.Version)
	dst = appendText(dst, m.CommandID)
	dst = appendText(dst, m.CorrelationID)
	dst = appendText(dst, m.CausationID)
	dst = appendText(dst, m.Actor)
	dst = appendText(dst, m.Source.Topic)
	dst = append(dst, m.Source.Incarnation[:]...)
	dst = binary.AppendVarint(dst, int64(m.Source.Partition))
	dst = binary.AppendVarint(dst, m.Source.Offset)
	dst = binary.AppendVarint(dst, m.CommandHash)
	dst = binary.AppendVarint(dst, m.ValidAt)
	return binary.AppendVarint(dst, m.RecordedAt)
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendVarint(dst, int64(len(s))), s...)
}

// readEventMeta reads the newest recount.Meta, and reports whether it is whole. Its strings are part of body.
func readEventMeta(body []byte, m *es.Meta) (rest []byte, ok bool) {
	r := metaReader{b: body}
	copy(m.Chain[:], r.take(len(m.Chain)))
	copy(m.EventID[:], r.take(len(m.EventID)))
	m.AggregateID, m.Version = r.text(), r.long()
	m.CommandID, m.CorrelationID, m.CausationID, m.Actor = r.text(), r.text(), r.text(), r.text()
	m.Source.Topic = r.text()
	copy(m.Source.Incarnation[:], r.take(len(m.Source.Incarnation)))
	m.Source.Partition, m.Source.Offset = r.int(), r.long()
	m.CommandHash, m.ValidAt, m.RecordedAt = r.long(), r.long(), r.long()
	return r.b, !r.broken
}

// readCommandMeta reads the newest recount.CommandMeta, and reports whether it is whole. Its strings are part of body.
func readCommandMeta(body []byte, m *es.CommandMeta) (rest []byte, ok bool) {
	r := metaReader{b: body}
	m.CommandID, m.AggregateID, m.CorrelationID, m.CausationID, m.Actor = r.text(), r.text(), r.text(), r.text(), r.text()
	m.ExpectedVersion, m.ValidAt = r.optional(), r.optional()
	m.ReplyTo, m.ProcessID = r.text(), r.text()
	return r.b, !r.broken
}

// appendCommandMeta appends m as the newest recount.CommandMeta.
func appendCommandMeta(dst []byte, m *es.CommandMeta) []byte {
	for _, text := range [...]string{m.CommandID, m.AggregateID, m.CorrelationID, m.CausationID, m.Actor} {
		dst = appendText(dst, text)
	}
	dst = appendOptional(appendOptional(dst, m.ExpectedVersion), m.ValidAt)
	return appendText(appendText(dst, m.ReplyTo), m.ProcessID)
}

// appendOptional appends a union of null and long.
func appendOptional(dst []byte, v *int64) []byte {
	if v == nil {
		return binary.AppendVarint(dst, 0)
	}
	return binary.AppendVarint(binary.AppendVarint(dst, 1), *v)
}

// metaReader reads Avro. Once something is missing it gives zeros, and is broken.
type metaReader struct {
	b      []byte
	broken bool
}

func (r *metaReader) fail() {
	r.b, r.broken = nil, true
}

func (r *metaReader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.fail()
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *metaReader) long() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *metaReader) int() int32 {
	v := r.long()
	if v < math.MinInt32 || v > math.MaxInt32 {
		r.fail()
		return 0
	}
	return int32(v)
}

func (r *metaReader) text() string {
	n := r.long()
	if n < 0 || n > int64(len(r.b)) {
		r.fail()
		return ""
	}
	b := r.take(int(n))
	return unsafe.String(unsafe.SliceData(b), len(b))
}

func (r *metaReader) optional() *int64 {
	switch r.long() {
	case 0:
		return nil
	case 1:
		v := r.long()
		return &v
	}
	r.fail()
	return nil
}

// proveMetas compares what is written and read here with what the library makes of the newest schemas, by a value in
// which no field is zero. A new version of a meta's schema needs its fields above.
func proveMetas(meta, command *avro.Schema) error {
	return errors.Join(
		proveMeta(metaName, meta, func(want *es.Meta, library []byte) bool {
			var got es.Meta
			rest, ok := readEventMeta(library, &got)
			return ok && len(rest) == 0 && got == *want && bytes.Equal(appendEventMeta(nil, want), library)
		}),
		proveMeta(commandMetaName, command, func(want *es.CommandMeta, library []byte) bool {
			var got es.CommandMeta
			rest, ok := readCommandMeta(library, &got)
			return ok && len(rest) == 0 && reflect.DeepEqual(got, *want) && bytes.Equal(appendCommandMeta(nil, want), library)
		}))
}

func proveMeta[T any](name string, s *avro.Schema, same func(want *T, library []byte) bool) error {
	want, count := new(T), 0
	if err := fill(reflect.ValueOf(want).Elem(), s.Root().ExpandReferences(), &count); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	library, err := s.Encode(want)
	if err != nil {
		return fmt.Errorf("%s: writing a value: %w", name, err)
	}
	if !same(want, library) {
		return fmt.Errorf("%s: its newest schema says otherwise than serde's own code for it (meta.go): write the one as the other", name)
	}
	return nil
}
