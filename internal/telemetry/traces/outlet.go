package traces

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Fate is what became of spans. The strings are label values.
type Fate string

// The fates.
const (
	Sent    Fate = "sent"
	Failed  Fate = "failed"  // the collector did not take them, tried again or not
	Dropped Fate = "dropped" // more came than could be sent meanwhile
)

// Observer is told what becomes of spans. Its method must return at once.
type Observer interface {
	Spans(f Fate, n int)
}

type unobserved struct{}

func (unobserved) Spans(Fate, int) {}

// queueMax is how many spans wait to be sent at most: some 10 MiB. What comes beyond is dropped, so that a collector that
// is slow or gone costs memory up to here, and nobody waits for it.
const queueMax = 8192

// outlet is the way of ended spans to the collector: a bounded queue and an exporter whose failures stay its own.
type outlet struct {
	sdktrace.SpanProcessor // sends in batches
	exporter               sdktrace.SpanExporter
	life                   context.Context
	ended                  chan struct{} // closed once nothing is sent any more
	observer               Observer
	log                    *slog.Logger

	waiting atomic.Int64 // spans that were taken and are not sent
	mu      sync.Mutex
	failing bool
}

// newOutlet makes an outlet to exporter. The end of life ends whatever is being sent.
func newOutlet(life context.Context, exporter sdktrace.SpanExporter, cfg Config) *outlet {
	return &outlet{exporter: exporter, life: life, ended: make(chan struct{}), observer: cfg.Observer, log: cfg.Log}
}

// queue begins to send.
func (o *outlet) queue(every time.Duration) sdktrace.SpanProcessor {
	// It drops what does not fit, too, and says so to nobody: so it is made to have room for all that OnEnd lets through.
	options := []sdktrace.BatchSpanProcessorOption{sdktrace.WithMaxQueueSize(queueMax)}
	if every > 0 {
		options = append(options, sdktrace.WithBatchTimeout(every))
	}
	o.SpanProcessor = sdktrace.NewBatchSpanProcessor(sender{o}, options...)
	return o
}

// OnEnd takes a span, unless too many wait.
func (o *outlet) OnEnd(s sdktrace.ReadOnlySpan) {
	if o.waiting.Add(1) > queueMax {
		o.waiting.Add(-1)
		o.observer.Spans(Dropped, 1)
		return
	}
	o.SpanProcessor.OnEnd(s)
}

// sender is the outlet as the processor's exporter.
type sender struct{ o *outlet }

// ExportSpans sends spans. It returns no error: the processor would hand it to a handler that is global.
func (s sender) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(s.o.life, cancel)
	defer stop()
	err := s.o.exporter.ExportSpans(ctx, spans)
	s.o.waiting.Add(-int64(len(spans)))
	fate := Sent
	if err != nil {
		fate = Failed
	}
	s.o.observer.Spans(fate, len(spans))
	s.o.tell(err)
	return nil
}

// tell logs a failure after a success, and a success after a failure, and not each of them.
func (o *outlet) tell(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if failing := err != nil; failing != o.failing {
		o.failing = failing
		if failing {
			o.log.Warn("spans do not reach the collector, and are dropped until they do; everything else goes on", "cause", err)
		} else {
			o.log.Info("spans reach the collector again")
		}
	}
}

// Shutdown is the last that the processor calls.
func (s sender) Shutdown(ctx context.Context) error {
	defer close(s.o.ended)
	return s.o.exporter.Shutdown(ctx)
}
