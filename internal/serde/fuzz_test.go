package serde

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"recount/internal/es"
)

// What the fuzzed bytes may make a decoder reserve, in bytes: a fixed part, and so much for each byte of input.
const (
	fuzzFixed   = 1 << 20
	fuzzPerByte = 1 << 10
)

func bounded(t *testing.T, input []byte, f func()) {
	t.Helper()
	if grew := allocated(f); grew > uint64(fuzzFixed+fuzzPerByte*len(input)) {
		t.Fatalf("%d bytes of input made it reserve %d", len(input), grew)
	}
}

// seed adds frames of every kind, whole, cut and with each byte of the beginning changed.
func seed(f *testing.F) {
	for _, x := range allFrames(f) {
		f.Add(x.frame)
		f.Add(x.frame[:len(x.frame)/2])
		for i := range min(len(x.frame), 64) {
			broken := bytes.Clone(x.frame)
			broken[i] ^= 0xff
			f.Add(broken)
		}
	}
	for _, name := range []string{"BookAdded.v1.hex", "BookAdded.v2.hex", "BookAdded.v3.hex"} {
		f.Add(frameFile(f, name))
	}
}

func FuzzDecodeCommand(f *testing.F) {
	seed(f)
	_, c, _ := libraryCodec(f)
	f.Fuzz(func(t *testing.T, frame []byte) {
		bounded(t, frame, func() {
			cmd, err := c.DecodeCommand(frame)
			again, err2 := c.DecodeCommand(frame)
			switch {
			case err == nil && (!cmd.HasMeta || cmd.Aggregate == nil || cmd.Body == nil):
				t.Fatalf("decoded without an error, and incomplete: %+v", cmd)
			case (err == nil) != (err2 == nil) || cmd.Hash != again.Hash:
				t.Fatalf("decoding again gives another answer: %v, %v", err, err2)
			}
		})
	})
}

func FuzzDecodeEvent(f *testing.F) {
	seed(f)
	codec, c, a := libraryCodec(f)
	f.Fuzz(func(t *testing.T, frame []byte) {
		bounded(t, frame, func() {
			e, err := c.DecodeEvent(frame)
			if err != nil {
				return
			}
			// goavro refuses what twmb/avro forgives, such as a boolean of 48. What we write ourselves has no such thing.
			if text, err := codec.EventToJSON(frame); err == nil && !json.Valid(text) {
				t.Fatalf("EventToJSON = %s", text)
			}
			out, _, _, err := c.AppendEvent(nil, a, &e.Meta, e.Body)
			if err != nil {
				t.Fatalf("what was read can't be written: %v", err)
			}
			if text, err := codec.EventToJSON(out); err != nil || !json.Valid(text) {
				t.Fatalf("EventToJSON = %s, %v", text, err)
			}
			if back, err := c.DecodeEvent(out); err != nil || back.Meta != e.Meta {
				t.Fatalf("what was written again reads %+v, %v", back, err)
			}
		})
	})
}

func FuzzDecodeAnswers(f *testing.F) {
	seed(f)
	codec, c, _ := libraryCodec(f)
	f.Fuzz(func(t *testing.T, frame []byte) {
		bounded(t, frame, func() {
			_, _, _, errRefusal := c.DecodeRefusal(frame)
			_, errOutcome := codec.DecodeOutcome(frame)
			_, errReply := codec.DecodeReply(frame)
			if errRefusal == nil && errOutcome == nil || errOutcome == nil && errReply == nil {
				t.Fatal("one frame is two kinds of record")
			}
		})
	})
}

func FuzzCommandFromJSON(f *testing.F) {
	f.Add([]byte(fullCatalogue))
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"lendable":true,"copies":1e9,"price":-0,"tags":[null],"stock":{"a":{}},"editor":{"name":"\ud800","born":""}}`))
	f.Add([]byte(`[[[[[[[[`))
	codec, c, _ := libraryCodec(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		bounded(t, data, func() {
			frame, err := codec.CommandFromJSON("library.book.catalogue", es.CommandMeta{CommandID: "c", AggregateID: "a"}, data)
			var bad *InvalidCommandError
			if err != nil {
				if !errors.As(err, &bad) || bad.Problem == "" {
					t.Fatalf("the error does not say what is wrong with the JSON: %v", err)
				}
				return
			}
			if !json.Valid(data) {
				t.Fatalf("%q is no JSON, and was taken", data)
			}
			cmd, err := c.DecodeCommand(frame)
			if err != nil || cmd.Type != "library.book.catalogue" {
				t.Fatalf("DecodeCommand = %+v, %v", cmd, err)
			}
		})
	})
}

func FuzzDecodeState(f *testing.F) {
	_, c, a := libraryCodec(f)
	value, err := c.AppendState(nil, a, filled[book](f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(value)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, value []byte) {
		bounded(t, value, func() {
			if state, err := c.DecodeState(a, value); err == nil {
				if _, ok := state.(book); !ok {
					t.Fatalf("the state is a %T", state)
				}
			}
		})
	})
}
