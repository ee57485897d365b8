package main

import (
	"fmt"
	"math/bits"
	"time"

	"recount/domain/bank/account"
)

// books are entries that depend on a seed alone. Each can be made on its own, so that a fold needs no memory of them.
type books struct {
	accounts, versions int
	seed               uint64
}

// entry is one version of an account. Times are Unix milliseconds.
type entry struct {
	validAt, recordedAt int64
	amount              int64 // signed, minor units
	kind                kind
}

type kind uint8

const (
	opening kind = iota
	movement
	freezing
	unfreezing
)

const (
	// begin is 2026-01-01 00:00:00 UTC in milliseconds.
	begin = 1_767_225_600_000
	// step is the time between two versions of an account.
	step = 6 * int64(time.Hour/time.Millisecond)
	// lateMax is how far an entry may be back-dated, and one of lateShare is.
	lateMax   = 30 * 24 * int64(time.Hour/time.Millisecond)
	lateShare = 16
	// freezeShare of the entries freeze the account; the next one lifts it.
	freezeShare = 128
	amountMax   = 100_000
)

func (b books) rows() int { return b.accounts * b.versions }

// end is later than everything.
func (b books) end() int64 { return begin + int64(b.versions+1)*step }

func accountID(n int) string { return fmt.Sprintf("acct-%07d", n) }

func customerID(n int) string { return fmt.Sprintf("cust-%07d", n*2/3) }

func currency(n int) string {
	return []string{"EUR", "EUR", "EUR", "CZK", "USD"}[n%5]
}

// at returns a version of account n; versions count from 1.
func (b books) at(n, version int) entry {
	r := b.draw(n, version)
	e := entry{recordedAt: begin + int64(version)*step, kind: movement}
	e.validAt = e.recordedAt - int64(r%uint64(step))
	if version == 1 {
		e.kind = opening
		return e
	}
	if r = bits.RotateLeft64(r, 20); r%lateShare == 0 {
		e.validAt -= int64(bits.RotateLeft64(r, 10) % uint64(lateMax))
	}
	switch {
	case b.freezes(n, version):
		e.kind = freezing
	case b.freezes(n, version-1):
		e.kind = unfreezing
	default:
		e.amount = 1 + int64(bits.RotateLeft64(r, 30)%amountMax)
		if r%3 == 0 {
			e.amount = -e.amount
		}
	}
	return e
}

func (b books) freezes(n, version int) bool {
	return version > 1 && version%2 == 0 && b.draw(n, -version)%freezeShare == 0
}

// draw mixes an entry's place into 64 bits (splitmix64).
func (b books) draw(n, version int) uint64 {
	z := b.seed + 0x9e3779b97f4a7c15*(uint64(n)<<20+uint64(version)+1)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// standing is what is true of an account.
type standing struct {
	balance int64
	status  account.Status
}

// standing folds the entries of account n that were true by valid and recorded by known. It is not ok before the account
// is open. Status is that of the last change in the order of the world.
func (b books) standing(n int, valid, known int64) (s standing, ok bool) {
	lastChange := int64(-1 << 62)
	for version := 1; version <= b.versions; version++ {
		e := b.at(n, version)
		if e.validAt > valid || e.recordedAt > known {
			continue
		}
		s.balance += e.amount
		ok = ok || e.kind == opening
		if e.kind != movement && e.validAt >= lastChange { // a later version decides between two of one millisecond
			lastChange = e.validAt
			s.status = map[kind]account.Status{opening: account.StatusOpen, freezing: account.StatusFrozen, unfreezing: account.StatusOpen}[e.kind]
		}
	}
	return s, ok
}
