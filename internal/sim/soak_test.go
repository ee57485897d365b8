//go:build soak

package sim

import "testing"

// seedsMany are those of make soak: half an hour on two processors.
const seedsMany = 4_000

func TestSoakSimPure(t *testing.T) { eachSeed(t, seedsMany, "the pure engine", twiceTheSame) }

func TestSoakSimWorld(t *testing.T) { eachSeed(t, seedsMany, "the whole write side", worldAsIs) }
