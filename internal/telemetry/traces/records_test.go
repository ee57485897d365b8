package traces

import (
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/worker/aggregator"
	"recount/internal/worker/projector"
)

const (
	trace1 = "4bf92f3577b34da6a3ce929d0e0e4736"
	span1  = "00f067aa0ba902b7"
)

func record(age time.Duration, traceparent ...string) *kafka.Record {
	r := &kafka.Record{Topic: "bank.commands", Timestamp: time.Now().Add(-age)}
	r.Headers = append(r.Headers, kafka.Header{Key: "x", Value: []byte("00-y-01")})
	for _, v := range traceparent {
		r.Headers = append(r.Headers, kafka.Header{Key: kafka.SpanHeader, Value: []byte(v)})
	}
	return r
}

func TestWhatIsFollowed(t *testing.T) {
	t.Parallel()
	made, _ := traced(t, Config{})
	for name, tc := range map[string]struct {
		record *kafka.Record
		want   bool
	}{
		"sampled":                   {record(0, "00-"+trace1+"-"+span1+"-01"), true},
		"sampled, with more flags":  {record(0, "00-"+trace1+"-"+span1+"-03"), true},
		"not sampled":               {record(0, "00-"+trace1+"-"+span1+"-00"), false},
		"not sampled, other flags":  {record(0, "00-"+trace1+"-"+span1+"-02"), false},
		"no trace":                  {record(0), false},
		"no headers":                {&kafka.Record{Timestamp: time.Now()}, false},
		"an empty one":              {record(0, ""), false},
		"cut short":                 {record(0, "00-"+trace1+"-"+span1+"-0"), false},
		"no digits":                 {record(0, "00-"+trace1+"-"+span1+"-xz"), false},
		"digits that are none":      {record(0, "00-"+trace1[:31]+"z-"+span1+"-01"), false},
		"no trace at all":           {record(0, "00-00000000000000000000000000000000-"+span1+"-01"), false},
		"five minutes old":          {record(5*time.Minute, "00-"+trace1+"-"+span1+"-01"), true},
		"of yesterday":              {record(24*time.Hour, "00-"+trace1+"-"+span1+"-01"), false},
		"the clock was set back":    {record(-time.Hour, "00-"+trace1+"-"+span1+"-01"), true},
		"of another kind of trace":  {record(0, "not-a-trace-but-as-long-as-one-would-be-if-it-were-01"), false},
		"of a version that is none": {record(0, "ff-"+trace1+"-"+span1+"-01"), false},
	} {
		decided := made.Decisions().Follow(tc.record, time.Now()) != nil
		projected := made.Projections().Follow(tc.record, time.Now()) != nil
		if decided != tc.want || projected != tc.want {
			t.Errorf("%s: decided %v, projected %v, want %v", name, decided, projected, tc.want)
		}
	}
}

// TestWithoutTheLimitOldRecordsAreFollowed is the control of the limit: it alone keeps a replay from telling of old events.
func TestWithoutTheLimitOldRecordsAreFollowed(t *testing.T) {
	t.Parallel()
	old := record(240*time.Hour, "00-"+trace1+"-"+span1+"-01")
	for _, tc := range []struct {
		max  time.Duration
		want bool
	}{{0, false}, {time.Hour, false}, {-1, true}} {
		made, _ := traced(t, Config{AgeMax: tc.max})
		if got := made.Projections().Follow(old, time.Now()) != nil; got != tc.want {
			t.Errorf("with a limit of %v: %v", tc.max, got)
		}
	}
}

// TestWhatIsNotFollowedAllocatesNothing: an aggregator looks at every command. One that is followed allocates, which
// shows that it would be noticed.
func TestWhatIsNotFollowedAllocatesNothing(t *testing.T) {
	made, _ := traced(t, Config{})
	follow := made.Decisions()
	now := time.Now()
	for name, r := range map[string]*kafka.Record{
		"no headers": {Timestamp: now}, "other headers": record(0), "not sampled": record(0, "00-"+trace1+"-"+span1+"-00"),
	} {
		if n := testing.AllocsPerRun(100, func() { follow.Follow(r, now) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	r := record(0, "00-"+trace1+"-"+span1+"-01")
	if n := testing.AllocsPerRun(100, func() { follow.Follow(r, now) }); n == 0 {
		t.Error("the control: one that is followed allocates nothing")
	}
}

func BenchmarkFollow(b *testing.B) {
	made, _ := traced(b, Config{})
	follow := made.Decisions()
	now := time.Now()
	for name, r := range map[string]*kafka.Record{
		"no headers": {Timestamp: now}, "not sampled": record(0, "00-"+trace1+"-"+span1+"-00"), "sampled": record(0, "00-"+trace1+"-"+span1+"-01"),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				follow.Follow(r, now)
			}
		})
	}
}

// TestADecisionIsToldOnceItIsCommitted: one that never is leaves nothing, and what is made of it bears its span.
func TestADecisionIsToldOnceItIsCommitted(t *testing.T) {
	t.Parallel()
	made, sent := traced(t, Config{})
	began := time.Now()
	r := record(0, "00-"+trace1+"-"+span1+"-01")
	r.Headers = append(r.Headers, kafka.Header{Key: "tracestate", Value: []byte("vendor=1")})
	made.Decisions().Follow(r, began) // its transaction is of unknown outcome
	d := made.Decisions().Follow(r, began)
	d.Committed(aggregator.Decided{
		Followed: engine.Followed{Aggregate: "account", Answer: engine.Answer{
			Meta: es.CommandMeta{CommandID: "c-1"}, Command: "bank.account.open", Outcome: es.Failed, Code: engine.ReasonPanic,
		}},
		Context: "bank", Decided: began.Add(time.Millisecond), Committed: began.Add(3 * time.Millisecond), Commands: 9,
	})
	spans := sent()
	if len(spans) != 2 {
		t.Fatalf("%d spans", len(spans))
	}
	decide, commit := spans[0], spans[1]
	if decide.Name != "decide bank.account.open" || decide.SpanContext.TraceID().String() != trace1 || decide.Parent.SpanID().String() != span1 ||
		decide.EndTime.Sub(decide.StartTime) != time.Millisecond || attributeOf(decide, attrCorrelation) != "c-1" || decide.Status.Description != engine.ReasonPanic {
		t.Errorf("got %+v", decide)
	}
	if commit.Parent.SpanID() != decide.SpanContext.SpanID() || commit.EndTime.Sub(commit.StartTime) != 2*time.Millisecond {
		t.Errorf("got %+v", commit)
	}
	borne := map[string]string{}
	for _, h := range d.Headers() {
		borne[h.Key] = string(h.Value)
	}
	if want := "00-" + trace1 + "-" + decide.SpanContext.SpanID().String() + "-01"; borne[kafka.SpanHeader] != want || borne["tracestate"] != "vendor=1" {
		t.Errorf("it bears %v, want %s", borne, want)
	}
}

func TestAProjectionIsToldOnceItsRowsAreIn(t *testing.T) {
	t.Parallel()
	made, sent := traced(t, Config{})
	p := made.Projections().Follow(record(0, "00-"+trace1+"-"+span1+"-01"), time.Now())
	if n := len(sent()); n != 0 {
		t.Fatalf("%d spans of rows that are not in", n)
	}
	p.Projected(projector.Projected{View: "balances", Generation: 2, Recorded: es.Recorded{Context: "bank", Type: "Opened"}, Source: "bank.events/1@7", Again: true, Inserted: time.Now()})
	s := sent()
	if len(s) != 1 || s[0].Name != "project balances" || attributeOf(s[0], attrSource) != "bank.events/1@7" || attributeOf(s[0], attrAgain) != "true" {
		t.Errorf("got %+v", s)
	}
}

func attributeOf(s tracetest.SpanStub, key string) string {
	for _, a := range s.Attributes {
		if string(a.Key) == key {
			return a.Value.String()
		}
	}
	return ""
}
