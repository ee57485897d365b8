package aggregator_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/partition"
	"recount/internal/statestore"
	"recount/internal/worker/aggregator"
)

// followHeader says that a record is to be followed; its value numbers who follows it.
const followHeader = "follow"

// tracer follows all that bears its header, and gives each time another number to bear.
type tracer struct {
	mu   sync.Mutex
	next int
	told map[string][]told // by command ID
}

// told is what a trail was told, and the number it gave.
type told struct {
	what   aggregator.Decided
	number string
}

type trail struct {
	of     *tracer
	number string
}

func (t *tracer) Follow(r *kafka.Record, _ time.Time) aggregator.Trail {
	for _, h := range r.Headers {
		if h.Key == followHeader {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.next++
			return trail{t, fmt.Sprint(t.next)}
		}
	}
	return nil
}

func (f trail) Headers() []engine.Header {
	return []engine.Header{{Key: followHeader, Value: []byte(f.number)}}
}

func (f trail) Committed(d aggregator.Decided) {
	f.of.mu.Lock()
	defer f.of.mu.Unlock()
	if f.of.told == nil {
		f.of.told = map[string][]told{}
	}
	id := strings.Clone(d.Meta.CommandID)
	f.of.told[id] = append(f.of.told[id], told{d, f.number})
}

func (t *tracer) of(command string) []told {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.told[command]
}

// followedDeposits sends deposits to an account, of which every second is to be followed.
func (p *pipeline) followedDeposits(account string, n int) {
	p.t.Helper()
	for i := range n {
		frame, err := p.codec.CommandFromJSON("bank.account.deposit", es.CommandMeta{AggregateID: account, CommandID: fmt.Sprint("d-", i)}, []byte(`{"amount":1,"currency":"EUR"}`))
		if err != nil {
			p.t.Fatal(err)
		}
		c := kafka.Command{Topic: "bank.commands", Partition: partition.Of(account, partitions), Key: []byte(account), Value: frame}
		if i%2 == 0 {
			c.Headers = []kafka.Header{{Key: followHeader, Value: []byte("caller")}}
		}
		if err := p.out.Produce(p.t.Context(), c, func(int32, int64, error) {}); err != nil {
			p.t.Fatal(err)
		}
	}
	p.flush()
}

// borne is who an event says that it follows from, by command ID.
func (p *pipeline) borne(n int) map[string]string {
	p.t.Helper()
	out := map[string]string{}
	for _, r := range p.log("bank.events", n) {
		e, err := p.codec.Context("bank").DecodeEvent(r.Value)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, h := range r.Headers {
			out[e.Meta.CommandID] = string(h.Value)
		}
	}
	return out
}

// TestAFollowedCommandIsToldOfOnce, though transactions break: a batch whose end is not known is told of by nobody, and is
// followed again if it is decided again. What its events bear is what the one that was told has given.
func TestAFollowedCommandIsToldOfOnce(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]*faultyNet{
		"nothing breaks": {}, "requests are lost": {every: 3, lost: true}, "answers are lost": {every: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPipeline(t)
			var by tracer
			cfg := p.config("w1", statestore.NewMem())
			cfg.Kafka.Dialer, cfg.BatchMax, cfg.Tracer = broken.dial, 20, &by
			p.start(cfg)
			const deposits = 200
			p.send(-1, "open", "acct-0", "open", `{"customer_id":"ada","currency":"EUR"}`)
			p.followedDeposits("acct-0", deposits)
			borne := p.borne(1 + deposits)
			if len(borne) != deposits/2 {
				t.Errorf("%d events bear who they follow from, want %d", len(borne), deposits/2)
			}
			unknown := 0
			for i := range deposits {
				id := fmt.Sprint("d-", i)
				if i%2 == 1 {
					if n := len(by.of(id)); n != 0 {
						t.Errorf("%s was told of %d times, and nobody follows it", id, n)
					}
					continue
				}
				if !broken.lost && broken.every > 0 && len(by.of(id)) == 0 {
					unknown++ // it was committed, and nobody was told so
					continue
				}
				eventually(t, id+" is told of", func() bool { return len(by.of(id)) == 1 })
				told := by.of(id)[0]
				if d := told.what; told.number != borne[id] || d.Aggregate != "account" || d.Outcome != es.Accepted || d.Context != "bank" || d.Process ||
					d.Position == "" || d.Source == "" || d.Version != int64(i+2) || d.Committed.Before(d.Decided) {
					t.Errorf("%s bears %s, and was told %+v", id, borne[id], told)
				}
			}
			again := by.next - deposits/2
			if broken.every > 0 && broken.broke.Load() < 2 || broken.every > 0 && !broken.lost && unknown+again == 0 {
				t.Errorf("%d connections were broken, nobody followed again: the test shows nothing", broken.broke.Load())
			}
			if unknown == deposits/2 {
				t.Error("nobody was told of anything")
			}
		})
	}
}
