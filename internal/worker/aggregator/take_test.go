package aggregator

import (
	"testing"
	"time"

	"recount/internal/engine"
	"recount/internal/kafka"
)

// tracerOf follows what bears its header.
type tracerOf string

func (t tracerOf) Follow(r *kafka.Record, _ time.Time) Trail {
	for _, h := range r.Headers {
		if string(h.Value) == string(t) {
			return nobody{}
		}
	}
	return nil
}

type nobody struct{}

func (nobody) Headers() []engine.Header { return []engine.Header{{Key: "x"}} }
func (nobody) Committed(Decided)        {}

// TestTakingARecordAllocatesNothing, with headers or without, whether or not somebody would follow: in the memory of the
// batch before, a batch costs what its records are. One that is followed does allocate, which shows that it would be noticed.
func TestTakingARecordAllocatesNothing(t *testing.T) {
	const records = 100
	plain := &kafka.Record{Value: []byte("v")}
	headers := &kafka.Record{Value: []byte("v"), Headers: []kafka.Header{{Key: "traceparent", Value: []byte("unsampled")}, {Key: "other"}}}
	for name, tc := range map[string]struct {
		record *kafka.Record
		tracer Tracer
		free   bool
	}{
		"nobody follows":                 {plain, nil, true},
		"nobody follows, with headers":   {headers, nil, true},
		"it is not followed":             {plain, tracerOf("sampled"), true},
		"it is not followed, by headers": {headers, tracerOf("sampled"), true},
		"it is followed":                 {headers, tracerOf("unsampled"), false},
	} {
		o := &owned{}
		now := time.Now()
		batch := func() {
			p := newPart(o)
			for range records {
				p.take(engine.Commands, tc.record, tc.tracer, now)
			}
			o.memory = memory{inputs: p.inputs, headers: p.headers}
		}
		batch()
		if n := testing.AllocsPerRun(20, batch); (n <= 1) != tc.free { // the part itself
			t.Errorf("%s: %v allocations a batch of %d", name, n, records)
		}
	}
}

// TestHeadersStayGoodWhereTheirMemoryGrows puts many records' headers behind each other.
func TestHeadersStayGoodWhereTheirMemoryGrows(t *testing.T) {
	t.Parallel()
	p := newPart(&owned{})
	for i := range 1000 {
		p.take(engine.Commands, &kafka.Record{Offset: int64(i), Headers: []kafka.Header{{Key: "a", Value: []byte{byte(i)}}, {Key: "b"}}[:i%3]}, nil, time.Time{})
	}
	for i, in := range p.inputs {
		if len(in.Headers) != i%3 || i%3 > 0 && (in.Headers[0].Key != "a" || in.Headers[0].Value[0] != byte(i)) {
			t.Fatalf("input %d has %v", i, in.Headers)
		}
		if grown := append(in.Headers, engine.Header{Key: "mine"}); i%3 > 0 && i+1 < 1000 && len(p.inputs[i+1].Headers) > 0 && p.inputs[i+1].Headers[0].Key != "a" {
			t.Fatalf("appending to input %d wrote into the next: %v", i, grown)
		}
	}
}
