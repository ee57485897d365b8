package main

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"

	"recount/bench/bareloop"
	"recount/bench/ledger"
	streamspeer "recount/bench/streams-peer"
	benchsubject "recount/bench/subject"
	"recount/internal/kafka"
	"recount/internal/process"
	"recount/internal/worker/aggregator"
)

// Names of the contenders, as --only takes them and as results are called after.
const (
	recount         = "recount"
	bareLoop        = "bare-loop"
	streamsTuned    = "kafka-streams"
	streamsDefaults = "kafka-streams-defaults"
)

func names() []string { return []string{bareLoop, recount, streamsTuned, streamsDefaults} }

// Topics of the bank, which all contenders read and write.
const (
	bank          = benchsubject.Bank
	commandsTopic = benchsubject.Commands
	eventsTopic   = benchsubject.Events
	streamsGroup  = "bench.streams"
	loopGroup     = "bench.loop"
	peerHeapBytes = 1 << 30
	loopBatch     = 20_000
)

// contender is somebody who takes the commands.
type contender interface {
	// title is the row's in the table, lacks what it is spared.
	title() string
	lacks() string
	group() string
	// start starts it in a process of its own, on a stage that is set.
	start(s *stage) (*process.Process, error)
	// verify returns nil if it wrote what it had to.
	verify(ctx context.Context, s *stage) error
}

// contenders returns those that were chosen, in the order of names.
func contenders(ctx context.Context, o options, progress func(string)) (map[string]contender, error) {
	out := map[string]contender{}
	for _, name := range o.chosen() {
		switch name {
		case bareLoop:
			out[name] = loop{}
		case recount:
			out[name] = subject{sessions: o.sessions, batch: o.batch}
		case streamsTuned, streamsDefaults:
			peer, err := newStreams(ctx, name, o, progress)
			if err != nil {
				return nil, err
			}
			out[name] = peer
		}
	}
	return out, nil
}

// loop is the ceiling.
type loop struct{}

func (loop) title() string { return "bare loop" }
func (loop) lacks() string { return "everything: it copies records of the events' size" }
func (loop) group() string { return loopGroup }

func (loop) config(s *stage) bareloop.Config {
	return bareloop.Config{
		Address: s.broker.Addr(), Group: loopGroup, Input: commandsTopic, Output: eventsTopic,
		KeyBytes: s.workload.EventKeyBytes, ValueBytes: s.workload.EventBytes, Batch: loopBatch,
	}
}

func (l loop) start(s *stage) (*process.Process, error) { return s.role(bareLoop, l.config(s)) }

func (l loop) verify(ctx context.Context, s *stage) error {
	return l.config(s).Check(ctx, s.workload.Commands)
}

// subject is Recount's aggregator.
type subject struct{ sessions, batch int }

func (subject) title() string { return "Recount" }
func (subject) lacks() string { return "nothing" }
func (subject) group() string { return aggregator.Group(bank) }

func (r subject) start(s *stage) (*process.Process, error) {
	return s.role(recount, benchsubject.Config{
		Address: s.broker.Addr(), Dir: filepath.Join(s.dir, "store"), Partitions: s.workload.Partitions, Sessions: r.sessions, Batch: r.batch, Profile: s.profile,
	})
}

func (subject) verify(ctx context.Context, s *stage) error {
	_, err := s.check(true).Run(ctx)
	return errors.Join(err, ledger.Empty(ctx, s.broker.Addr(), bank+kafka.RefusalsSuffix, bank+kafka.DeadLettersSuffix))
}

// streams is the peer, under one set of settings.
type streams struct {
	name     string
	program  *streamspeer.Program
	settings streamspeer.Settings
}

func newStreams(ctx context.Context, name string, o options, progress func(string)) (contender, error) {
	program, err := streamspeer.Build(ctx, progress)
	if err != nil {
		return nil, err
	}
	if name == streamsDefaults {
		settings, err := streamspeer.Defaults()
		return streams{"Kafka Streams, defaults", program, settings}, err
	}
	settings, err := streamspeer.Tuned()
	maps.Copy(settings, o.peer)
	return streams{"Kafka Streams, tuned", program, settings}, err
}

func (p streams) title() string { return p.name }
func (streams) lacks() string   { return streamspeer.Lacks }
func (streams) group() string   { return streamsGroup }

func (p streams) start(s *stage) (*process.Process, error) {
	dir := filepath.Join(s.dir, "streams")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	return p.program.Start(streamspeer.Config{
		Address: s.broker.Addr(), Application: streamsGroup, Input: commandsTopic, Output: eventsTopic,
		Dir: dir, Settings: p.settings, HeapBytes: peerHeapBytes, Codec: s.codec, Log: s.log,
	})
}

func (streams) verify(ctx context.Context, s *stage) error {
	_, err := s.check(false).Run(ctx)
	return err
}
