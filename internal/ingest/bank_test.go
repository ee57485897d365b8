package ingest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/serde"
	"recount/internal/serde/serdetest"
	"recount/internal/statestore"
)

const (
	testPartitions = 4
	testInstance   = "ingest-test"
	testMillis     = 1_767_225_600_000
)

// bank is a broker and an aggregator in one: what is published is acknowledged, decided by the real engine and replied
// to, at once. A test can make it fail in the ways that a broker does.
type bank struct {
	t     testing.TB
	codec *serde.Codec

	mu         sync.Mutex
	partitions map[int32]*engine.Partition
	published  []kafka.Command
	deliver    func(address string, value []byte)
	running    chan struct{} // closed when replies are being read

	// tamper, if set, sees each command first: false means that it has taken the command over, callback and all.
	tamper func(c kafka.Command, done func(int32, int64, error)) bool
	// full is what TryProduce and Produce return instead of taking a command.
	full error
	// mute swallows replies.
	mute bool
	// flush, if set, is what Flush does.
	flush func(context.Context) error
}

func newBank(t testing.TB) *bank {
	return &bank{t: t, codec: serdetest.Codec(t), partitions: map[int32]*engine.Partition{}, running: make(chan struct{})}
}

func (b *bank) Instance() string { return testInstance }

func (b *bank) Run(ctx context.Context, deliver func(address string, value []byte)) error {
	b.mu.Lock()
	b.deliver = deliver
	b.mu.Unlock()
	close(b.running)
	<-ctx.Done()
	return nil
}

func (b *bank) TryProduce(c kafka.Command, done func(int32, int64, error)) error {
	b.mu.Lock()
	full, tamper := b.full, b.tamper
	b.mu.Unlock()
	if full != nil {
		return full
	}
	if tamper != nil && !tamper(c, done) {
		return nil
	}
	b.accept(c, done)
	return nil
}

func (b *bank) Produce(ctx context.Context, c kafka.Command, done func(int32, int64, error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return b.TryProduce(c, done)
}

func (b *bank) Flush(ctx context.Context) error {
	if b.flush != nil {
		return b.flush(ctx)
	}
	return nil
}

// accept acknowledges and decides a command.
func (b *bank) accept(c kafka.Command, done func(int32, int64, error)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	offset := int64(len(b.published))
	b.published = append(b.published, c)
	done(c.Partition, offset, nil)
	p := b.partition(c.Partition)
	fx, err := p.Step(testMillis, []engine.Input{{Offset: offset, Key: c.Key, Value: c.Value}})
	if err != nil {
		b.t.Errorf("deciding: %v", err)
		return
	}
	p.Commit(fx, 0, 0)
	for _, a := range fx.Replies {
		b.reply(c.Partition, offset, a, fx)
	}
}

func (b *bank) partition(n int32) *engine.Partition {
	if p := b.partitions[n]; p != nil {
		return p
	}
	p, err := engine.Open(engine.Config{
		Context: "bank", Partition: n, Partitions: testPartitions, Codec: b.codec.Context("bank"),
		DedupMillis: engine.DedupMillisDefault, DedupEntries: engine.DedupEntriesDefault,
		CacheBytes: engine.CacheBytesDefault, RecordBytesMax: engine.RecordBytesMaxDefault,
	}, statestore.NewMemStore())
	if err != nil {
		b.t.Fatal(err)
	}
	b.partitions[n] = p
	return p
}

func (b *bank) reply(partition int32, offset int64, a engine.Answer, fx *engine.Effects) {
	r := serde.Reply{
		CommandID: a.Meta.CommandID, AggregateID: a.Meta.AggregateID, Command: a.Command, Outcome: a.Outcome,
		Code: a.Code, Detail: a.Detail, Version: a.Version, Duplicate: a.Duplicate,
	}
	for _, e := range fx.Events[a.FirstEvent : a.FirstEvent+a.Events] {
		r.Events = append(r.Events, e.Value)
		r.Position = fmt.Sprintf("bank/%d@%d", partition, offset)
	}
	value, err := b.codec.AppendReply(nil, &r)
	if err != nil {
		b.t.Errorf("a reply: %v", err)
		return
	}
	address, ours := strings.CutPrefix(a.Meta.ReplyTo, testInstance+"/")
	if !ours {
		b.t.Errorf("reply_to is %q, which does not lead to %s", a.Meta.ReplyTo, testInstance)
	} else if !b.mute {
		b.deliver(address, value)
	}
}

// metas are those of everything published.
func (b *bank) metas() []es.CommandMeta {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []es.CommandMeta
	for _, c := range b.published {
		cmd, err := b.codec.Context("bank").DecodeCommand(c.Value)
		if err != nil {
			b.t.Fatal(err)
		}
		out = append(out, cmd.Meta)
	}
	return out
}

func (b *bank) commands() []kafka.Command {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.published)
}

func strangersReply() *serde.Reply {
	return &serde.Reply{CommandID: "another", AggregateID: "another", Command: "bank.account.open", Outcome: es.Accepted, Version: 99}
}
