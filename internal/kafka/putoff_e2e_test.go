//go:build e2e

package kafka

import (
	"context"
	"testing"
	"time"

	"recount/bench/broker"
)

// TestKafkaSaysHowLongItPutsRecordsOff asks one that is set as recommended, and one as it is shipped: the control.
func TestKafkaSaysHowLongItPutsRecordsOff(t *testing.T) {
	for variant, want := range map[broker.Variant]time.Duration{broker.Tuned: time.Millisecond, broker.Shipped: PutOffDefault} {
		t.Run(string(variant), func(t *testing.T) {
			b, err := broker.Start(t.Context(), broker.Options{Variant: variant, HeapBytes: 512 << 20, Progress: func(s string) { t.Log(s) }})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := b.Stop(context.WithoutCancel(t.Context())); err != nil {
					t.Error(err)
				}
			})
			if got, err := PutOff(t.Context(), Config{Brokers: []string{b.Addr()}}); got != want || err != nil {
				t.Errorf("%v, %v; want %v", got, err, want)
			}
		})
	}
}
