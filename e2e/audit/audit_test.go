package audit

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"recount/e2e/script"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/serde"
	"recount/internal/serde/serdetest"
)

const (
	partitions = 3
	messages   = 3_000
	accounts   = 90
	batch      = 50
)

// history is a log of three topics, by partition, as a faultless pipeline writes it.
type history struct {
	codec                         *serde.Codec
	want                          *script.Expected
	audits                        *Audit
	events, refusals, deadLetters [partitions][]Record
}

func (h *history) audit() error {
	a := New(h.codec, partitions, h.want)
	h.audits = a
	for p := range partitions {
		for _, r := range h.events[p] {
			a.Event(r)
		}
		for _, r := range h.refusals[p] {
			a.Refusal(r)
		}
		for _, r := range h.deadLetters[p] {
			a.DeadLetter(r)
		}
	}
	return a.Verdict()
}

// nothing is the store of a partition that keeps everything in memory.
type nothing struct{}

func (nothing) Get([]byte) ([]byte, bool, error) { return nil, false, nil }
func (nothing) Scan(_, _ []byte) iter.Seq2[engine.Pair, error] {
	return func(func(engine.Pair, error) bool) {}
}

// decide has the engine decide a script.
func decide(t *testing.T, seed uint64) *history {
	t.Helper()
	codec := serdetest.Codec(t)
	s := script.New(script.Options{Seed: seed, Accounts: accounts, Partitions: partitions, Codec: codec})
	var inputs [partitions][]engine.Input
	for range messages {
		m, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		in := &inputs[m.Partition]
		*in = append(*in, engine.Input{Channel: engine.Commands, Offset: int64(len(*in)), Key: m.Key, Value: m.Value})
	}
	h := &history{codec: codec, want: s.Expected()}
	var owners [partitions]*engine.Partition
	var forwarded [partitions][]engine.Input
	for p := range owners {
		var err error
		if owners[p], err = engine.Open(config(codec, int32(p)), nothing{}); err != nil {
			t.Fatal(err)
		}
		for _, r := range h.step(t, owners[p], p, inputs[p]) {
			to := &forwarded[r.Partition]
			*to = append(*to, engine.Input{Channel: engine.Dispatch, Offset: int64(len(*to)), Key: r.Key, Value: r.Value, Headers: r.Headers})
		}
	}
	for p := range owners {
		h.step(t, owners[p], p, forwarded[p])
	}
	return h
}

func config(codec *serde.Codec, p int32) engine.Config {
	return engine.Config{
		Context: "bank", Partition: p, Partitions: partitions, Codec: codec.Context("bank"),
		DedupMillis: engine.DedupMillisDefault, DedupEntries: engine.DedupEntriesDefault,
		CacheBytes: engine.CacheBytesDefault, RecordBytesMax: engine.RecordBytesMaxDefault,
	}
}

// step decides inputs batch by batch, each in a transaction of its own, and returns what was forwarded.
func (h *history) step(t *testing.T, owner *engine.Partition, p int, inputs []engine.Input) (forwarded []engine.Record) {
	t.Helper()
	for part := range slices.Chunk(inputs, batch) {
		fx, err := owner.Step(1, part)
		if err != nil {
			t.Fatal(err)
		}
		epoch := int16(len(h.events[p]))
		for list, records := range map[*[]Record][]engine.Record{&h.events[p]: fx.Events, &h.refusals[p]: fx.Refusals, &h.deadLetters[p]: fx.DeadLetters} {
			for _, r := range records {
				*list = append(*list, Record{Partition: int32(p), Offset: int64(len(*list)), ProducerID: 1, ProducerEpoch: epoch, Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value)})
			}
		}
		for _, r := range fx.Dispatch {
			r.Key, r.Value = bytes.Clone(r.Key), bytes.Clone(r.Value) // they are lent until the next step
			forwarded = append(forwarded, r)
		}
		owner.Commit(fx, 0, 0)
	}
	return forwarded
}

func TestAFaultlessLogIsFoundFaultless(t *testing.T) {
	t.Parallel()
	h := decide(t, 1)
	if err := h.audit(); err != nil {
		t.Fatal(err)
	}
	events, refusals, deadLetters := h.want.Totals()
	if events < messages/3 || refusals < messages/20 || deadLetters == 0 || h.want.Forwarded == 0 {
		t.Errorf("%d events, %d refusals, %d dead letters, %d forwarded: the script tries too little", events, refusals, deadLetters, h.want.Forwarded)
	}
	outcomes := map[string]int{}
	for _, list := range h.want.Refusals {
		for _, r := range list {
			outcomes[fmt.Sprint(r.Outcome, r.Code)]++
		}
	}
	for _, kind := range []string{
		"unchanged", "refused" + string(es.CommandIDReused), "refused" + string(es.VersionConflict), "refusedaccount/insufficient-funds",
	} {
		if outcomes[kind] == 0 {
			t.Errorf("nothing in the script is %s: %v", kind, outcomes)
		}
	}
}

// TestEveryFaultIsFound breaks a faultless log in each way the pipeline must never break it.
func TestEveryFaultIsFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		harm func(h *history)
		want error
	}{
		"an event is lost":                     {func(h *history) { h.events[0] = remove(h.events[0], 100) }, ErrDisorder},
		"the last event is lost":               {func(h *history) { h.events[0] = remove(h.events[0], len(h.events[0])-1) }, ErrLost},
		"an account is lost":                   {func(h *history) { h.events[1] = h.withoutFirst() }, ErrLost},
		"an event is there twice":              {func(h *history) { h.events[0] = double(h.events[0], 100, 0) }, ErrDoubled},
		"an event comes once more, much later": {func(h *history) { h.events[0] = double(h.events[0], 100, 400) }, ErrDoubled},
		"two events have changed places":       {func(h *history) { h.swap() }, ErrDisorder},
		"a command was decided twice":          {func(h *history) { h.decideAgain(t) }, ErrWrong},
		"an event was altered":                 {func(h *history) { h.events[2][7].Value = flipped(h.events[2][7].Value) }, ErrAltered},
		"an event is in another partition":     {func(h *history) { h.events[1][0].Partition = 2 }, ErrWrong},
		"an event has another's key":           {func(h *history) { h.events[1][0].Key = h.events[1][1].Key }, ErrWrong},
		"a refusal is lost":                    {func(h *history) { h.refusals[0] = remove(h.refusals[0], len(h.refusals[0])-1) }, ErrLost},
		"a refusal is there twice":             {func(h *history) { h.refusals[0] = double(h.refusals[0], 3, 1) }, ErrDoubled},
		"a refusal is lost in between":         {func(h *history) { h.refusals[0] = h.withoutRefused() }, ErrDisorder},
		"a dead letter is lost":                {func(h *history) { h.deadLetters[0] = remove(h.deadLetters[0], 0) }, ErrLost},
		"a dead letter is there twice":         {func(h *history) { h.deadLetters[0] = double(h.deadLetters[0], 0, 2) }, ErrDoubled},
		"a dead letter nobody wrote":           {func(h *history) { h.deadLetters[0][0].Value = []byte("what is this") }, ErrWrong},
		"a zombie writes on":                   {func(h *history) { h.zombie() }, ErrZombie},
		"no record can be read":                {func(h *history) { h.events[0][0].Value = nil }, ErrWrong},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := decide(t, 1)
			c.harm(h)
			if err := h.audit(); !errors.Is(err, c.want) {
				t.Errorf("the audit finds %v, want %q", err, c.want)
			}
			lost, twice, others := h.audits.Counts()
			counted := others
			switch c.want {
			case ErrLost:
				counted = lost
			case ErrDoubled:
				counted = twice
			}
			if counted == 0 {
				t.Errorf("%v is not counted: %d lost, %d twice, %d others", c.want, lost, twice, others)
			}
		})
	}
}

// TestAnotherScriptIsFoundWrong: the log of one seed is not that of another.
func TestAnotherScriptIsFoundWrong(t *testing.T) {
	t.Parallel()
	h := decide(t, 1)
	h.want = decide(t, 2).want
	if err := h.audit(); !errors.Is(err, ErrWrong) {
		t.Errorf("the audit finds %v", err)
	}
}
