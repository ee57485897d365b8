//go:build soak

package projector

import "testing"

// TestSoakProjectorsInAStorm is TestAStormLeavesEachRowOnce, ten times as long.
func TestSoakProjectorsInAStorm(t *testing.T) {
	t.Parallel()
	if err := newStorm(t, 0).rage(100); err != nil {
		t.Error(err)
	}
}
