package telemetry

import (
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// codesMax bounds the values of a label that the domain fills.
	codesMax = 200
	// other stands for all values beyond a bound.
	other = "other"
)

// bounded is the set of a label's values: the first max that come, and "other" for all that follow.
type bounded struct {
	max int

	mu   sync.Mutex
	seen map[string]string
}

func newBounded(max int) *bounded { return &bounded{max: max, seen: map[string]string{}} }

// value returns the label value to use for s. Series must be valid UTF-8, or the client library panics.
func (b *bounded) value(s string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if v, ok := b.seen[s]; ok {
		return v
	}
	if len(b.seen) >= b.max {
		return other
	}
	v := strings.ToValidUTF8(s, "?")
	b.seen[strings.Clone(s)] = v
	return v
}

// Histograms are both classic and native: an old Prometheus gets the buckets, a new one resolution without them.
const (
	nativeFactor     = 1.1
	nativeBucketsMax = 160
	nativeMinReset   = time.Hour
)

func histogram(name, help string, buckets []float64) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Name: name, Help: help, Buckets: buckets,
		NativeHistogramBucketFactor:     nativeFactor,
		NativeHistogramMaxBucketNumber:  nativeBucketsMax,
		NativeHistogramMinResetDuration: nativeMinReset,
	}
}

// latencies are buckets for what should take milliseconds.
func latencies() []float64 {
	return []float64{.0005, .001, .0025, .005, .01, .015, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
}

// durations are buckets for what may take minutes.
func durations() []float64 {
	return []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600}
}

// sizes are buckets for numbers of records.
func sizes() []float64 { return prometheus.ExponentialBuckets(1, 4, 9) }
