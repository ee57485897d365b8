package report

import (
	"fmt"
	"slices"
	"time"
)

// Delays is how some durations are distributed. The zero value is of none.
type Delays struct{ P50, P99, Max time.Duration }

// DelaysOf sorts values. A percentile is the smallest value that so many of all do not exceed.
func DelaysOf(values []time.Duration) Delays {
	if len(values) == 0 {
		return Delays{}
	}
	slices.Sort(values)
	at := func(percent int) time.Duration { return values[(len(values)*percent+99)/100-1] }
	return Delays{at(50), at(99), at(100)}
}

// Millis is a duration in milliseconds, to a tenth.
func Millis(d time.Duration) float64 { return Round(float64(d.Microseconds())/1000, 1) }

// MillisText is Millis for people.
func MillisText(d time.Duration) string { return fmt.Sprintf("%.1f", Millis(d)) }
