package serde

import (
	"reflect"
	"strings"
	"testing"

	"recount/internal/engine"
)

func TestSnapshotsAndMarkersGoRound(t *testing.T) {
	t.Parallel()
	_, c, _ := libraryCodec(t)
	snapshot, marker := filled[engine.Snapshot](t), filled[engine.Marker](t)
	frame, err := c.AppendSnapshot([]byte("before"), &snapshot)
	if err != nil {
		t.Fatal(err)
	}
	frame = frame[len("before"):]
	if got, err := c.DecodeSnapshot(frame); err != nil || !reflect.DeepEqual(got, snapshot) {
		t.Errorf("DecodeSnapshot = %+v, %v", got, err)
	}
	if _, err := c.DecodeMarker(frame); err == nil || !strings.Contains(err.Error(), "is not a marker") {
		t.Errorf("DecodeMarker of a snapshot = %v", err)
	}
	if frame, err = c.AppendMarker(nil, &marker); err != nil {
		t.Fatal(err)
	}
	if got, err := c.DecodeMarker(frame); err != nil || !reflect.DeepEqual(got, marker) {
		t.Errorf("DecodeMarker = %+v, %v", got, err)
	}
	if _, err := c.DecodeMarker(append(frame, 0)); err == nil {
		t.Error("a byte behind a marker went unnoticed")
	}
}

// The two ways to read an event must agree on what they both read.
func TestAnEventsMetaAlone(t *testing.T) {
	t.Parallel()
	_, c, _ := libraryCodec(t)
	whole, err := c.DecodeEvent(frameFile(t, "BookAdded.v1.hex"))
	if err != nil {
		t.Fatal(err)
	}
	meta, err := c.DecodeEventMeta(frameFile(t, "BookAdded.v1.hex"))
	if err != nil || meta.Body != nil || whole.Body == nil {
		t.Fatalf("DecodeEventMeta = %+v, %v", meta, err)
	}
	if whole.Body = nil; !reflect.DeepEqual(meta, whole) {
		t.Errorf("%+v, and without the body %+v", whole, meta)
	}
}
