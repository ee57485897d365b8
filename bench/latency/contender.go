package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"recount/bench/broker"
	"recount/bench/frame"
	streamspeer "recount/bench/streams-peer"
	benchsubject "recount/bench/subject"
	"recount/internal/process"
	"recount/internal/serde"
)

const (
	recount       = "recount" // a role
	commandsTopic = benchsubject.Commands
	eventsTopic   = benchsubject.Events
	peerHeapBytes = 1 << 30
)

// trial is one row: who, on which broker.
type trial struct {
	name, title string
	variant     broker.Variant
	sessions    int  // of the aggregator; 0: the peer
	views       bool // with a ClickHouse, and projectors that keep all views
	settings    func() (streamspeer.Settings, error)
}

// trials are all rows, in their order.
func trials() []trial {
	var out []trial
	for _, v := range []broker.Variant{broker.Tuned, broker.Shipped} {
		of := func(name string) string { return name + "-" + string(v) }
		out = append(out,
			trial{name: of("recount-1"), title: "Recount, 1 session", variant: v, sessions: 1},
			trial{name: of("recount-2"), title: "Recount, 2 sessions", variant: v, sessions: 2},
			trial{name: of("streams-quick"), title: "Kafka Streams, for latency", variant: v, settings: streamspeer.Quick},
			trial{name: of("streams-defaults"), title: "Kafka Streams, defaults", variant: v, settings: streamspeer.Defaults})
	}
	return append(out, trial{name: "recount-views-tuned", title: "Recount, 1 session, all views", variant: broker.Tuned, sessions: 1, views: true})
}

func names() (out []string) {
	for _, t := range trials() {
		out = append(out, t.name)
	}
	return out
}

// start starts it in a process of its own.
func (t trial) start(ctx context.Context, address, dir string, o options, codec *serde.Codec, log io.Writer, progress func(string)) (*process.Process, error) {
	if t.sessions > 0 {
		c := benchsubject.Config{Address: address, Dir: filepath.Join(dir, "store"), Partitions: int32(o.partitions), Sessions: t.sessions, Profile: o.profileOf(t.name)}
		return frame.Start(recount, c, process.Spec{Name: t.title, Dir: dir, Log: log})
	}
	program, err := streamspeer.Build(ctx, progress)
	if err != nil {
		return nil, err
	}
	settings, err := t.settings()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.title, err)
	}
	dir = filepath.Join(dir, "streams")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	return program.Start(streamspeer.Config{
		Address: address, Application: "bench.streams", Input: commandsTopic, Output: eventsTopic,
		Dir: dir, Settings: settings, HeapBytes: peerHeapBytes, Codec: codec, Log: log,
	})
}
