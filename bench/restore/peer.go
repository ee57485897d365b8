package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	streamspeer "recount/bench/streams-peer"
	"recount/internal/process"
)

const (
	streams       = "kafka-streams"
	peerGroup     = "bench.streams"
	peerHeapBytes = 1 << 30
	// peerSessionTimeout is how long the group takes to notice that a killed peer is gone: the least a broker allows.
	peerSessionTimeout = "6000"
	restoredWord       = "restored "
)

// peer is Kafka Streams with the same state. It is always killed: with exactly-once it then throws its disk away at the next
// start, and restores all of it from the changelog.
type peer struct {
	b        *benchmark
	program  *streamspeer.Program
	settings streamspeer.Settings
	dir      string
}

// preparePeer has the peer decide the history's commands, checks what it wrote, and kills it.
func (b *benchmark) preparePeer(ctx context.Context) (*peer, error) {
	p := &peer{b: b, dir: filepath.Join(b.Dir, "streams")}
	var err error
	if p.program, err = streamspeer.Build(ctx, b.Progress); err != nil {
		return nil, err
	}
	if p.settings, err = streamspeer.Tuned(); err != nil {
		return nil, err
	}
	p.settings["consumer.session.timeout.ms"] = peerSessionTimeout
	if err := os.Mkdir(p.dir, 0o755); err != nil {
		return nil, err
	}
	b.Progress("having Kafka Streams decide the same commands")
	running, _, err := p.start()
	if err != nil {
		return nil, err
	}
	err = b.decided(ctx, running, peerGroup, b.o.events)
	if err = errors.Join(err, running.Kill()); err != nil {
		return nil, err
	}
	return p, b.check(ctx, peerTopic, b.o.events, b.past, false)
}

// state is what the peer tells of a restore.
type state struct {
	records                      int
	millis                       int64
	accounts, balances, versions int64
}

func (p *peer) start() (*process.Process, <-chan state, error) {
	told := make(chan state, 1)
	running, err := p.program.Start(streamspeer.Config{
		Address: p.b.broker.Addr(), Application: peerGroup, Input: commandsTopic, Output: peerTopic,
		Dir: p.dir, Settings: p.settings, HeapBytes: peerHeapBytes, Codec: p.b.codec, Log: p.b.Log,
		OnLine: func(line string) {
			var s state
			if _, err := fmt.Sscanf(line, restoredWord+"%d %d %d %d %d", &s.records, &s.millis, &s.accounts, &s.balances, &s.versions); err == nil && strings.HasPrefix(line, restoredWord) {
				told <- s
			}
		},
	})
	return running, told, err
}

// restore starts the peer again. The time is its own: from the first partition's beginning to the last one's end, without
// the start of its machine and the wait for its place in the group.
func (p *peer) restore(ctx context.Context) (r restore, err error) {
	running, told, err := p.start()
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, running.Kill()) }()
	ctx, cancel := context.WithTimeout(ctx, restorePatience)
	defer cancel()
	select {
	case s := <-told:
		return restore{took: time.Duration(s.millis) * time.Millisecond, records: s.records}, p.verify(s)
	case <-running.Done():
		return r, errors.Join(errors.New("it ended before it was restored"), running.Err())
	case <-ctx.Done():
		return r, fmt.Errorf("it was not restored: %w%s", ctx.Err(), running.LastLines())
	}
}

// verify compares what the peer's stores hold with what accounts must have come to, in sums.
func (p *peer) verify(got state) error {
	var accounts, balances, versions int64
	for _, a := range accountsIn(p.b.past) {
		accounts, balances, versions = accounts+1, balances+a.Balance, versions+a.Version
	}
	if got.accounts != accounts || got.balances != balances || got.versions != versions {
		return fmt.Errorf("its result is wrong, so its time does not count: %d accounts with balances of %d and versions of %d in all, it must be %d, %d and %d",
			got.accounts, got.balances, got.versions, accounts, balances, versions)
	}
	return nil
}
