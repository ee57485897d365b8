package proof_test

import (
	"crypto/sha256"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"recount/internal/serde/serdetest"
)

// BenchmarkVerify walks a partition's events, and, turn by turn, hashes the same bytes and does nothing else: no walk can
// be faster, and what else the machine does slows both.
func BenchmarkVerify(b *testing.B) {
	const events, aggregates = 200_000, 5_000
	book := someBooks(b, serdetest.Codec(b), aggregates, events, rand.New(rand.NewPCG(3, 4)))
	last := byte(0)
	var walking, hashing time.Duration
	b.ReportAllocs()
	for b.Loop() {
		began := time.Now()
		if got := book.walk(book.log, nil, 0); got.Broken != 0 || got.Events != events {
			b.Fatalf("%d events, %d broken", got.Events, got.Broken)
		}
		walked := time.Now()
		for _, r := range book.log {
			sum := sha256.Sum256(r.Value)
			last ^= sum[0]
		}
		walking, hashing = walking+walked.Sub(began), hashing+time.Since(walked)
	}
	perSecond := func(took time.Duration) float64 { return float64(events) * float64(b.N) / took.Seconds() }
	runtime.KeepAlive(last) // or the compiler might leave the hashing out
	b.ReportMetric(perSecond(walking), "walked/s")
	b.ReportMetric(perSecond(hashing), "hashed/s")
	b.ReportMetric(hashing.Seconds()/walking.Seconds(), "of-the-hash")
}
