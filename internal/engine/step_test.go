package engine_test

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/partition"
)

func expecting(v int64) func(*es.CommandMeta) {
	return func(m *es.CommandMeta) { m.ExpectedVersion = &v }
}

func replyTo(who string) func(*es.CommandMeta) {
	return func(m *es.CommandMeta) { m.ReplyTo = who }
}

func TestACommandBecomesEvents(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	at := int64(42)
	fx := r.step(1_000, r.command("add", "a", "c1", `{"by":5,"times":2}`, replyTo("me"), func(m *es.CommandMeta) {
		m.ValidAt, m.Actor, m.CorrelationID, m.CausationID = &at, "ada", "corr", "cause"
	}))
	events := r.decoded(fx)
	if len(events) != 2 {
		t.Fatalf("%d events", len(events))
	}
	for i, e := range events {
		m := e.Meta
		if m.Version != int64(i+1) || m.CommandID != "c1" || m.Actor != "ada" || m.CorrelationID != "corr" || m.CausationID != "cause" ||
			m.ValidAt != 42 || m.RecordedAt != 1_000 || m.AggregateID != "a" || e.Body != (added{By: 5}) {
			t.Errorf("event %d: %+v", i, e)
		}
		if want := (es.Source{Topic: "lab.commands", Incarnation: es.ID{1}, Partition: r.cfg.Partition, Offset: 0}); m.Source != want {
			t.Errorf("source = %+v, want %+v", m.Source, want)
		}
		if m.EventID != engine.EventID("counter", "a", "c1", i) {
			t.Errorf("event ID %v does not derive from the command's", m.EventID)
		}
	}
	if key := string(fx.Events[1].Key); key != "counter/a/2" {
		t.Errorf("key = %q", key)
	}
	if fx.Next != [2]int64{1, -1} {
		t.Errorf("next = %v", fx.Next)
	}
	if len(fx.Replies) != 1 || fx.Replies[0].Version != 2 || fx.Replies[0].Outcome != es.Accepted || fx.Replies[0].Events != 2 {
		t.Errorf("replies = %+v", fx.Replies)
	}
}

func TestWithoutMetadataTheCommandIsItsOwnCause(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	m := r.decoded(r.step(7, r.command("add", "a", "c1", `{"by":5,"times":1}`)))[0].Meta
	if m.CorrelationID != "c1" || m.CausationID != "c1" || m.ValidAt != 7 {
		t.Fatalf("meta = %+v", m)
	}
}

func TestStepIsPure(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	batch := []engine.Input{r.command("add", "a", "c1", `{"by":5,"times":2}`), r.command("add", "a", "c2", `{"by":99,"times":1}`)}
	first, second := r.step(10, batch...), r.step(10, batch...)
	if len(first.Events) != 2 || len(first.Refusals) != 1 {
		t.Fatalf("effects: %+v", first.Counts)
	}
	for i := range first.Events {
		if string(first.Events[i].Value) != string(second.Events[i].Value) {
			t.Fatal("deciding the same batch again gave other bytes: Step changed its partition, or is not deterministic")
		}
	}
}

func TestTheChainLinksEveryEvent(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	fx := r.step(1, r.command("add", "a", "c1", `{"by":5,"times":3}`))
	unbroken := func(records []engine.Record) bool {
		var previous es.Hash
		for _, rec := range records {
			e, err := r.cfg.Codec.DecodeEvent(rec.Value)
			if err != nil {
				return false
			}
			_, _, schema, err := r.cfg.Codec.AppendEvent(nil, e.Aggregate, &e.Meta, e.Body)
			if err != nil || engine.Link(previous, schema, rec.Value[5:]) != e.Meta.Chain {
				return false
			}
			previous = e.Meta.Chain
		}
		return true
	}
	if !unbroken(fx.Events) {
		t.Fatal("the chain of untouched events is broken")
	}
	// Negative control: an altered, a removed and a swapped event are each found.
	altered := append([]engine.Record(nil), fx.Events...)
	altered[1].Value = append([]byte(nil), altered[1].Value...)
	altered[1].Value[len(altered[1].Value)-1] ^= 2
	if unbroken(altered) || unbroken(fx.Events[1:]) || unbroken([]engine.Record{fx.Events[1], fx.Events[0], fx.Events[2]}) {
		t.Fatal("a forged log passed")
	}
}

func TestARefusalIsAnAnswer(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	fx := r.step(1, r.command("add", "a", "c1", `{"by":101,"times":1}`, replyTo("me")))
	if got := r.rejections(fx); len(fx.Events) != 0 || len(got) != 1 || got[0] != (es.Rejection{Command: "lab.counter.add", Outcome: es.Refused, Code: string(tooMuch)}) {
		t.Fatalf("refusals = %+v", got)
	}
	if key := string(fx.Refusals[0].Key); key != "a/c1" {
		t.Errorf("key = %q", key)
	}
	if fx.Replies[0].Code != string(tooMuch) {
		t.Errorf("reply = %+v", fx.Replies[0])
	}
}

func TestNothingToChangeIsRecorded(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	fx := r.step(1, r.command("add", "a", "c1", `{"by":1,"times":0}`))
	if got := r.rejections(fx); len(got) != 1 || got[0].Outcome != es.Unchanged || fx.Counts.Unchanged != 1 {
		t.Fatalf("refusals = %+v", got)
	}
}

func TestExpectedVersion(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	fx := r.step(1,
		r.command("add", "a", "c1", `{"by":1,"times":1}`, expecting(0)),
		r.command("add", "a", "c2", `{"by":1,"times":1}`, expecting(0), replyTo("me")),
		r.command("add", "a", "c3", `{"by":1,"times":1}`, expecting(1)))
	got := r.rejections(fx)
	if len(fx.Events) != 2 || len(got) != 1 || got[0].Code != "version-conflict" || fx.Replies[0].Version != 1 {
		t.Fatalf("events %d, refusals %+v", len(fx.Events), got)
	}
}

func TestARepeatedCommandGetsItsRecordedOutcome(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"same batch", "next batch", "after a restart", "after a restore from the log"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1)
			ok := r.command("add", "a", "c1", `{"by":60,"times":1}`)
			no := r.command("add", "a", "c2", `{"by":60,"times":1}`)
			again := []engine.Input{
				r.command("add", "a", "c1", `{"by":60,"times":1}`, replyTo("me")),
				r.command("add", "a", "c2", `{"by":60,"times":1}`, replyTo("me")),
				r.command("add", "a", "c1", `{"by":61,"times":1}`, replyTo("me")),
			}
			var fx *engine.Effects
			if where == "same batch" {
				fx = r.step(1, append([]engine.Input{ok, no}, again...)...)
			} else {
				r.commit(r.step(1, ok, no))
				r.restart(where)
				fx = r.step(2, again...)
			}
			if fx.Counts.Duplicates != 2 || len(fx.Replies) != 3 {
				t.Fatalf("counts %+v, replies %+v", fx.Counts, fx.Replies)
			}
			if a := fx.Replies[0]; !a.Duplicate || a.Outcome != es.Accepted || a.Version != 1 {
				t.Errorf("the accepted one: %+v", a)
			}
			if a := fx.Replies[1]; !a.Duplicate || a.Outcome != es.Refused || a.Code != string(tooMuch) {
				t.Errorf("the refused one: %+v", a)
			}
			if a := fx.Replies[2]; a.Code != "command-id-reused" {
				t.Errorf("the one with another body: %+v", a)
			}
		})
	}
}

func (r *rig) restart(how string) {
	r.t.Helper()
	switch how {
	case "after a restart":
		r.open()
	case "after a restore from the log":
		r.store = newMemStore()
		r.open()
		r.foldAll()
	}
}

func TestTheDedupWindowEnds(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.commit(r.step(1, r.command("add", "a", "c1", `{"by":1,"times":1}`)))
	late := int64(1 + 2*engine.DedupMillisDefault)
	r.commit(r.step(late, r.command("add", "a", "c2", `{"by":1,"times":1}`)))
	fx := r.step(late, r.command("add", "a", "c1", `{"by":1,"times":1}`))
	if fx.Counts.Duplicates != 0 || len(fx.Events) != 1 {
		t.Fatalf("a command from before the window is a new one: %+v", fx.Counts)
	}
}

func TestBelowTheWatermarkIsSkipped(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	in := r.command("add", "a", "c1", `{"by":1,"times":1}`, replyTo("me"))
	r.p.Start(engine.Commands, 1)
	fx := r.step(1, in)
	if fx.Counts.Skipped != 1 || len(fx.Events)+len(fx.Replies) != 0 {
		t.Fatalf("counts %+v", fx.Counts)
	}
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	good := r.command("add", "a", "ok", `{"by":1,"times":1}`)
	truncated := r.command("add", "a", "cut", `{"by":1,"times":1}`)
	truncated.Value = truncated.Value[:len(truncated.Value)-1]
	event := r.decodedFrame(good)
	for name, tc := range map[string]struct {
		in      engine.Input
		reason  string
		outcome bool
	}{
		"garbage":           {r.input([]byte("garbage")), engine.ReasonUndecodable, false},
		"empty":             {r.input(nil), engine.ReasonUndecodable, false},
		"unknown schema":    {r.input([]byte{0, 0, 15, 15, 15, 1}), engine.ReasonUnknownSchema, false},
		"an event":          {r.input(event), engine.ReasonUnknownCommand, false},
		"body cut short":    {truncated, engine.ReasonUndecodable, true},
		"no command ID":     {r.withCommandID(""), engine.ReasonUndecodable, false},
		"an ID far too big": {r.withCommandID(strings.Repeat("x", 600)), engine.ReasonUndecodable, false},
		"a panic":           {r.command("explode", "a", "boom", `{"note":""}`), engine.ReasonPanic, true},
		"too large":         {r.command("grow", "a", "big", `{"bytes":20000}`), engine.ReasonTooLarge, true},
	} {
		t.Run(name, func(t *testing.T) {
			after := good
			after.Offset = tc.in.Offset + 1000
			fx, err := r.p.Step(1, []engine.Input{tc.in, after})
			if err != nil {
				t.Fatal(err)
			}
			if len(fx.DeadLetters) != 1 || len(fx.Events) != 1 {
				t.Fatalf("%d dead letters, %d events: the partition must go on", len(fx.DeadLetters), len(fx.Events))
			}
			d := fx.DeadLetters[0]
			headers := map[string]string{}
			for _, h := range d.Headers {
				headers[h.Key] = string(h.Value)
			}
			if string(d.Value) != string(tc.in.Value) || string(d.Key) != "key" || headers[engine.HeaderReason] != tc.reason || headers[engine.HeaderDetail] == "" || !strings.HasPrefix(headers[engine.HeaderOrigin], "lab.commands/") {
				t.Errorf("dead letter %+v", headers)
			}
			if got := r.rejections(fx); (len(got) == 1 && got[0].Outcome == es.Failed) != tc.outcome {
				t.Errorf("outcomes %+v", got)
			}
		})
	}
}

// withCommandID forges a command ID that the JSON edge would not let through: it is the body's first field.
func (r *rig) withCommandID(id string) engine.Input {
	in := r.command("add", "a", "x", `{"by":1,"times":1}`)
	const header, field = 5, 2
	forged := append(binary.AppendVarint(in.Value[:header:header], int64(len(id))), id...)
	in.Value = append(forged, in.Value[header+field:]...)
	return in
}

// decodedFrame returns a valid event's frame.
func (r *rig) decodedFrame(in engine.Input) []byte {
	r.t.Helper()
	return r.step(1, in).Events[0].Value
}

func TestAFailedCommandLeavesNoTraceInItsAggregate(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	// grow's first event is fine, its second too large: neither may stay.
	fx := r.step(1, r.command("grow", "a", "big", `{"bytes":20000}`), r.command("add", "a", "c", `{"by":1,"times":1}`))
	if events := r.decoded(fx); len(events) != 1 || events[0].Meta.Version != 1 || events[0].Meta.CommandID != "c" {
		t.Fatalf("events %+v", events)
	}
}

func TestAFailedCommandIsDecidedWhenSentAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.commit(r.step(1, r.command("grow", "a", "big", `{"bytes":20000}`)))
	r.restart("after a restore from the log")
	r.cfg.RecordBytesMax = 1 << 20
	r.store = newMemStore()
	r.open()
	r.foldAll()
	if fx := r.step(2, r.command("grow", "a", "big", `{"bytes":20000}`)); len(fx.Events) != 2 {
		t.Fatalf("counts %+v", fx.Counts)
	}
}

func TestAMisplacedCommandIsForwardedOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	elsewhere := "b"
	for i := 0; partition.Of(elsewhere, rigPartitions) == r.cfg.Partition; i++ {
		elsewhere += "b"
	}
	in := r.command("add", elsewhere, "c1", `{"by":1,"times":1}`)
	fx := r.step(1, in)
	if len(fx.Dispatch) != 1 || len(fx.Events) != 0 || fx.Counts.Forwarded != 1 {
		t.Fatalf("counts %+v", fx.Counts)
	}
	f := fx.Dispatch[0]
	if f.Partition != partition.Of(elsewhere, rigPartitions) || string(f.Value) != string(in.Value) {
		t.Errorf("forwarded %+v", f)
	}
	again := r.input(f.Value, f.Headers...)
	fx = r.step(1, again)
	if len(fx.Dispatch) != 0 || len(fx.DeadLetters) != 1 || r.rejections(fx)[0].Code != engine.ReasonMisplaced {
		t.Errorf("forwarded twice: %+v", fx.Counts)
	}
}

func TestAProcessHearsOfItsCommand(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	ask := func(m *es.CommandMeta) { m.ProcessID = "shop/fulfil/o-1" }
	fx := r.step(1, r.command("add", "a", "c1", `{"by":1,"times":1}`, ask), r.command("add", "a", "c1", `{"by":1,"times":1}`, ask))
	if len(fx.Inbox) != 2 {
		t.Fatalf("%d inbox records: a repeated command tells its process again", len(fx.Inbox))
	}
	if in := fx.Inbox[0]; in.Context != "shop" || in.Partition != partition.Of("o-1", rigPartitions) || string(in.Key) != "shop/fulfil/o-1" {
		t.Errorf("inbox %+v", in)
	}
}

func TestAClockFarBehindDoesNotDecide(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.commit(r.step(100_000, r.command("add", "a", "c1", `{"by":1,"times":1}`)))
	if _, err := r.p.Step(94_999, []engine.Input{r.command("add", "a", "c2", `{"by":1,"times":1}`)}); !errors.Is(err, engine.ErrClockBehind) {
		t.Fatalf("err = %v", err)
	}
	// A little behind is ordinary; recorded_at does not run backwards for it.
	fx := r.step(95_001, r.command("add", "a", "c3", `{"by":1,"times":1}`))
	if m := r.decoded(fx)[0].Meta; m.RecordedAt != 100_000 {
		t.Fatalf("recorded_at = %d, earlier than the previous one", m.RecordedAt)
	}
}
