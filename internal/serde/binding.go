package serde

import (
	"bytes"
	"reflect"
	"sync"

	"github.com/twmb/avro"
)

// binding moves values of one Go type in and out of Avro. The codec is fast only through a pointer, and values of the
// domain come in interfaces: they are copied through pooled boxes, so that encoding allocates nothing.
type binding struct {
	goType reflect.Type
	boxes  sync.Pool
	alias  []avro.Opt
}

type box struct {
	pointer any // *T
	value   reflect.Value
}

func newBinding(t reflect.Type) *binding {
	b := &binding{goType: t, alias: []avro.Opt{avro.AliasInput()}}
	b.boxes.New = func() any {
		p := reflect.New(t)
		return &box{pointer: p.Interface(), value: p.Elem()}
	}
	return b
}

// release gives x back empty: what it held must be neither kept alive nor seen by the next user.
func (b *binding) release(x *box) {
	x.value.SetZero()
	b.boxes.Put(x)
}

func (b *binding) append(dst []byte, s *avro.Schema, v any) ([]byte, error) {
	x := b.boxes.Get().(*box)
	defer b.release(x)
	x.value.Set(reflect.ValueOf(v))
	return s.AppendEncode(dst, x.pointer)
}

// decode reads all of data as one value.
//
// Its strings lie in one copy of data. Left to itself, twmb/avro cuts the strings of some ten records from a buffer that
// they share, and a state that keeps three letters of one of them would keep the buffer; data itself is part of a far
// larger one, and not ours.
func (b *binding) decode(s *avro.Schema, data []byte) (any, error) {
	return b.decodeLent(s, bytes.Clone(data))
}

// decodeLent is decode for who may keep data for as long as the value: its strings are part of data.
func (b *binding) decodeLent(s *avro.Schema, data []byte) (any, error) {
	x := b.boxes.Get().(*box)
	defer b.release(x)
	rest, err := s.Decode(data, x.pointer, b.alias...)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, trailingError(len(rest))
	}
	return x.value.Interface(), nil
}
