package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/partition"
)

// recordBytes is what a record takes, beside a batch's overhead.
func recordBytes(r engine.Record) int {
	size := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		size += len(h.Key) + len(h.Value)
	}
	return size
}

func header(r engine.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

// TestNothingMadeOfACommandIsTooLargeToWrite has commands that are larger than what can be written, as brokers take them
// compressed, and of whose parts all that is made of them is made. What can't be written would stop the partition for good.
func TestNothingMadeOfACommandIsTooLargeToWrite(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	long := strings.Repeat("x", 2*r.cfg.RecordBytesMax)
	elsewhere := "b"
	for n := 0; r.cfg.Partition == partition.Of(elsewhere, rigPartitions); n++ {
		elsewhere = fmt.Sprint("b", n)
	}
	with := func(edit func(*es.CommandMeta)) engine.Input {
		return r.command("add", "a", "c", `{"by":1,"times":1}`, edit)
	}
	for name, tc := range map[string]struct {
		in      engine.Input
		reason  string
		outcome bool
	}{
		"garbage":                 {r.input([]byte(long)), engine.ReasonUndecodable, false},
		"a key":                   {engine.Input{Channel: engine.Commands, Key: []byte(long), Value: []byte("garbage")}, engine.ReasonUndecodable, false},
		"a header":                {r.input([]byte("garbage"), engine.Header{Key: "note", Value: []byte(long)}), engine.ReasonUndecodable, false},
		"one that panics":         {r.command("explode", "a", "c", fmt.Sprintf(`{"note":%q}`, long)), engine.ReasonPanic, true},
		"one of another's":        {r.command("explode", elsewhere, "c", fmt.Sprintf(`{"note":%q}`, long)), engine.ReasonMisplaced, true},
		"a correlation ID":        {with(func(m *es.CommandMeta) { m.CorrelationID = long }), engine.ReasonUndecodable, false},
		"a causation ID":          {with(func(m *es.CommandMeta) { m.CausationID = long }), engine.ReasonUndecodable, false},
		"an actor":                {with(func(m *es.CommandMeta) { m.Actor = long }), engine.ReasonUndecodable, false},
		"an address for replies":  {with(func(m *es.CommandMeta) { m.ReplyTo = long }), engine.ReasonUndecodable, false},
		"the ID of a process":     {with(func(m *es.CommandMeta) { m.ProcessID = "lab/saga/" + long }), engine.ReasonUndecodable, false},
		"the control, not so big": {r.input([]byte(long[:r.cfg.RecordBytesMax/2])), engine.ReasonUndecodable, false},
	} {
		t.Run(name, func(t *testing.T) {
			fx := r.step(1, tc.in)
			if len(fx.DeadLetters) != 1 || len(fx.Events)+len(fx.Dispatch) != 0 {
				t.Fatalf("%d dead letters, %d events, %d forwarded", len(fx.DeadLetters), len(fx.Events), len(fx.Dispatch))
			}
			for _, made := range [][]engine.Record{fx.DeadLetters, fx.Refusals, fx.Inbox} {
				for _, rec := range made {
					if size := recordBytes(rec); size > r.cfg.RecordBytesMax {
						t.Errorf("a record of %d bytes, of %d that can be written", size, r.cfg.RecordBytesMax)
					}
				}
			}
			letter := fx.DeadLetters[0]
			whole := string(letter.Value) == string(tc.in.Value)
			if whole != strings.HasPrefix(name, "the control") || header(letter, engine.HeaderReason) != tc.reason {
				t.Errorf("the original is whole: %t; reason %q", whole, header(letter, engine.HeaderReason))
			}
			if !whole && (len(letter.Value) > 0 || !strings.Contains(header(letter, engine.HeaderDetail), "at its origin") || header(letter, engine.HeaderOrigin) == "") {
				t.Errorf("it must say where the original is: %d bytes, %q, %q", len(letter.Value), header(letter, engine.HeaderDetail), header(letter, engine.HeaderOrigin))
			}
			if got := r.rejections(fx); (len(got) == 1 && got[0].Outcome == es.Failed) != tc.outcome {
				t.Errorf("outcomes %+v", got)
			}
		})
	}
}

// broken is a codec that can't encode events, or can't encode one outcome.
type broken struct {
	engine.Codec
	events, outcomes bool
}

func (b *broken) AppendEvent(dst []byte, a es.AggregateType, meta *es.Meta, event any) ([]byte, int, es.Hash, error) {
	if b.events {
		return dst, 0, es.Hash{}, errors.New("no form for it")
	}
	return b.Codec.AppendEvent(dst, a, meta, event)
}

func (b *broken) AppendOutcome(dst []byte, a *engine.Answer) ([]byte, error) {
	if b.outcomes {
		b.outcomes = false
		return dst, errors.New("no form for it")
	}
	return b.Codec.AppendOutcome(dst, a)
}

func TestAnEventThatCantBeEncodedIsNotCalledTooLarge(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.cfg.Codec = &broken{Codec: r.cfg.Codec, events: true}
	r.open()
	fx := r.step(1, r.command("add", "a", "c", `{"by":1,"times":1}`))
	if len(fx.DeadLetters) != 1 || header(fx.DeadLetters[0], engine.HeaderReason) != engine.ReasonUnencodable {
		t.Errorf("dead letters %+v", fx.DeadLetters)
	}
}

// TestABugOfOursIsNotTakenForTheDomains: at an outcome the aggregate has changed already. Were its events taken back as after
// a panic of the domain's, memory would go on with what no log has.
func TestABugOfOursIsNotTakenForTheDomains(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.cfg.Codec = &broken{Codec: r.cfg.Codec, outcomes: true}
	r.open()
	asked := r.command("add", "a", "c", `{"by":1,"times":1}`, func(m *es.CommandMeta) { m.ProcessID = "lab/saga/a" })
	defer func() {
		if recover() == nil {
			t.Error("it was passed over")
		}
	}()
	fx, err := r.p.Step(1, []engine.Input{asked})
	t.Errorf("%d events, %d dead letters, %v", len(fx.Events), len(fx.DeadLetters), err)
}
