package engine_test

import (
	"errors"
	"testing"

	"recount/internal/engine"
	"recount/internal/es"
)

func header(r engine.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
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
