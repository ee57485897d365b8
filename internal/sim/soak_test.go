//go:build soak

package sim

import (
	"testing"

	"recount/e2e/deals"
)

// seedsMany are those of make soak: half an hour on two processors.
const seedsMany = 4_000

func TestSoakSimPure(t *testing.T) { eachSeed(t, seedsMany, "the pure engine", twiceTheSame) }

func TestSoakSimSagas(t *testing.T) {
	eachSeed(t, seedsMany, "sagas of the bank", sagasOf(deals.Bank))
	eachSeed(t, seedsMany, "sagas of the shop", sagasOf(deals.Shop))
}

func TestSoakSimWorld(t *testing.T) { eachSeed(t, seedsMany, "the whole write side", inWorld) }
