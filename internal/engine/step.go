package engine

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"recount/internal/es"
	"recount/internal/partition"
)

// ErrClockBehind says that this worker's clock is so far behind the partition's last event that it must not decide.
var ErrClockBehind = errors.New("the clock is behind the partition's last recorded event")

const (
	clockBehindMillisMax = 5_000
	idBytesMax           = 512
	metaBytesMax         = 8 << 10
	recordBytesUsual     = 384 // room for a small event's key and value
)

// Step decides batch, oldest first within each channel, at now (Unix milliseconds), and returns everything that follows.
// It alters nothing: dropping the Effects is undoing the step. For each command, in this order:
//
//  1. below the watermark of its channel: decided before, skipped without a reply
//  2. frame or meta unreadable: dead letter
//  3. another partition's: forwarded there, at most once
//  4. command ID seen within the dedup window: the recorded outcome again, or command-id-reused for another body
//  5. another version expected: version-conflict
//  6. decided: events, a refusal, or nothing to change
//
// An error means that the store could not be read or the clock must not be trusted: nothing was decided.
func (p *Partition) Step(now int64, batch []Input) (*Effects, error) {
	if behind := p.marks.recordedAt - now; behind > clockBehindMillisMax {
		return nil, fmt.Errorf("%w by %d ms on partition %s/%d: set the clock right (NTP) and start again", ErrClockBehind, behind, p.cfg.Context, p.cfg.Partition)
	}
	s := p.step(max(now, p.marks.recordedAt), len(batch))
	for c := range s.fx.Next {
		s.fx.Next[c] = -1
	}
	if err := s.ticks(); err != nil {
		return nil, err
	}
	for i := range batch {
		if err := s.input(&batch[i]); err != nil {
			return nil, err
		}
	}
	if err := s.snapshots(); err != nil {
		return nil, err
	}
	s.fx.buf = s.buf
	s.fx.Counts.CacheHits, s.fx.Counts.CacheMisses = s.fx.change.hits, s.fx.change.misses
	return s.fx, nil
}

type step struct {
	p   *Partition
	at  int64 // recorded_at of everything in this batch
	fx  *Effects
	buf []byte  // keys and values of the records made so far
	due []*cell // aggregates that get a snapshot
	// Of the command in hand. They stand here, and not where they are used, because the codec may keep what it is given
	// a pointer to, for all the compiler knows.
	cmd  Command
	meta es.Meta
	sent es.CommandMeta // of a command that a process sends
	next entry
	made []any // its events

	linker Linker
}

// scratch is memory for a step's effects.
type scratch struct {
	fx  *Effects
	buf []byte
}

// step begins one, in the memory of the last that was committed. The effects of a step whose outcome is unknown are
// never written over: the broker may still be sent what is in them.
func (p *Partition) step(at int64, commands int) *step {
	memory := p.spare
	p.spare = scratch{}
	if memory.fx == nil || cap(memory.fx.Events) < commands/2 {
		memory = scratch{
			fx:  &Effects{Events: make([]Record, 0, commands), change: change{touched: make([]touched, 0, commands)}},
			buf: make([]byte, 0, commands*recordBytesUsual),
		}
	}
	fx := memory.fx
	*fx = Effects{
		Events: emptied(fx.Events), Inbox: emptied(fx.Inbox), Dispatch: emptied(fx.Dispatch), Progress: emptied(fx.Progress),
		change: p.begin(fx.change), Counts: Counts{Refused: map[string]int{}},
	}
	fx.change.recordedAt = at
	return &step{p: p, at: at, fx: fx, buf: memory.buf[:0]}
}

// emptied returns a list's memory, in which nothing is kept alive.
func emptied[T any](list []T) []T {
	clear(list)
	return list[:0]
}

func (s *step) input(in *Input) error {
	if in.Offset < s.p.marks.sourceNext[in.Channel] {
		s.fx.Counts.Skipped++
		return nil
	}
	s.fx.Next[in.Channel] = in.Offset + 1

	cmd := &s.cmd
	var err error
	*cmd, err = s.p.cfg.Codec.DecodeCommand(in.Value)
	switch {
	case err == nil:
	case errors.Is(err, ErrNotConcerned):
		s.fx.Counts.Passed++
		return nil
	case errors.Is(err, ErrUnreadableEvent):
		return fmt.Errorf("%s/%d@%d: %w", s.p.cfg.Topics[in.Channel].Name, s.p.cfg.Partition, in.Offset, err)
	}
	d := decision{step: s, in: in, cmd: cmd}
	if cmd.HasMeta {
		if bad := s.checkMeta(&cmd.Meta); bad != nil {
			cmd.HasMeta, err = false, bad
		}
	}
	switch to := partition.Of(cmd.Meta.AggregateID, s.p.cfg.Partitions); {
	case !cmd.HasMeta:
		d.deadLetter(reasonOf(err), err.Error())
		d.follow(&Answer{Outcome: es.Failed, Code: reasonOf(err)})
		return nil
	case to != s.p.cfg.Partition && s.p.cfg.Outbox != nil:
		d.fail(ReasonMisplaced, "what concerns a process lies where its ID says, or was put elsewhere by hand")
		return nil
	case to != s.p.cfg.Partition:
		s.forward(&d, to)
		return nil
	case err != nil:
		d.fail(reasonOf(err), err.Error())
		return nil
	}
	d.id = fingerprint(cmd.Aggregate.Name(), cmd.Meta.AggregateID, cmd.Meta.CommandID)
	return d.decide()
}

// checkMeta bounds what stands in everything that is made of a command, also in what says that nothing could be made of it.
// Of an event that a process takes in, only the IDs: it is a fact, and what else its meta says was let through once.
func (s *step) checkMeta(m *es.CommandMeta) error {
	others := len(m.CorrelationID) + len(m.CausationID) + len(m.Actor) + len(m.ReplyTo) + len(m.ProcessID)
	switch {
	case m.AggregateID == "" || m.CommandID == "":
		return errors.New("aggregate_id and command_id must not be empty")
	case len(m.AggregateID) > idBytesMax || len(m.CommandID) > idBytesMax:
		return fmt.Errorf("aggregate_id and command_id must not be longer than %d bytes", idBytesMax)
	case others > metaBytesMax && s.p.cfg.Outbox == nil:
		return fmt.Errorf("correlation_id, causation_id, actor, reply_to and process_id must not be longer than %d bytes together", metaBytesMax)
	}
	return nil
}

func reasonOf(err error) string {
	switch {
	case errors.Is(err, ErrUnknownSchema):
		return ReasonUnknownSchema
	case errors.Is(err, ErrUnknownCommand):
		return ReasonUnknownCommand
	}
	return ReasonUndecodable
}

// forward sends a command that lies in the wrong partition (its producer used another partitioner) to the right one. A header
// says so, because two workers that disagree about the partition count would otherwise send it to and fro for ever.
func (s *step) forward(d *decision, to int32) {
	for _, h := range d.in.Headers {
		if h.Key == HeaderForwarded {
			d.fail(ReasonMisplaced, "it was forwarded under a count of "+string(h.Value)+" partitions and does not belong here under a count of "+strconv.Itoa(int(s.p.cfg.Partitions)))
			return
		}
	}
	headers := append(append([]Header(nil), d.in.Headers...), Header{HeaderForwarded, strconv.AppendInt(nil, int64(s.p.cfg.Partitions), 10)})
	forwarded := Record{Partition: to, Key: []byte(d.cmd.Meta.AggregateID), Value: d.in.Value, Headers: headers}
	if size := forwarded.size(); size > s.p.cfg.RecordBytesMax {
		d.fail(ReasonMisplaced, fmt.Sprintf("it belongs to partition %d, and its %d bytes are more than can be forwarded: send it there", to, size))
		return
	}
	s.fx.Counts.Forwarded++
	s.fx.Dispatch = append(s.fx.Dispatch, forwarded)
}

// record appends to list a record of this partition whose key and value were appended to s.buf from start on, the value from value on.
// The capacities are cut, so that growing the buffer later can't write into it.
func (s *step) record(list *[]Record, start, value int, carried []Header) {
	*list = append(*list, Record{
		Partition: s.p.cfg.Partition,
		Key:       s.buf[start:value:value],
		Value:     s.buf[value:len(s.buf):len(s.buf)],
		Headers:   carried,
	})
}

// processPartition returns the context of a process ID "<ctx>/<saga>/<id>" and the partition of its bare ID.
func (s *step) processPartition(id string) (context string, partitionOf int32, ok bool) {
	context, rest, ok := strings.Cut(id, "/")
	_, bare, ok2 := strings.Cut(rest, "/")
	return context, partition.Of(bare, s.p.cfg.Partitions), ok && ok2 && context != "" && bare != ""
}
