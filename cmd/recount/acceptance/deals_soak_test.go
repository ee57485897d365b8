//go:build soak

package acceptance_test

import (
	"testing"

	"recount/e2e/deals"
)

// TestSoakDealsUnderFire is TestDealsUnderFire at full size.
func TestSoakDealsUnderFire(t *testing.T) {
	dealUnderFire(t, scale{
		Workload:  deals.Workload{Accounts: 1_000, SKUs: 200, Customers: 400, Stock: 250, Debits: 25},
		transfers: 200_000, orders: 20_000, perSecond: 500, kills: 36,
	})
}
