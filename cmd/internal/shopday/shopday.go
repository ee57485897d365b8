// Package shopday makes up a shop's day for the demo: what its customers order hour by hour, what whoever moves the money,
// packs the parcels or has ordered answers to what the shop asks, and what customers transfer between their accounts at
// a bank meanwhile. The same seed gives the same day.
//
// It only writes command lines, and hears of the shop by its events. What becomes of an order, the shop alone decides.
//
// A day is deterministic although everything in it happens side by side, as long as an hour comes to rest before the next
// begins: whoever can be refused for what others do has one wish at a time. An article of which there is little is ordered
// once in every third hour. What that order sets free again, or brings back, comes in one of the two hours between.
package shopday

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Day is a made-up day.
type Day struct {
	// Seed decides everything.
	Seed uint64
	// Orders is how many are placed.
	Orders int
}

// Hours is how many hours the shop is open for.
const Hours = 9

// Line is a command as ingest load reads it.
type Line struct {
	Type      string         `json:"type"`
	ID        string         `json:"id"`
	CommandID string         `json:"command_id"`
	ValidAt   string         `json:"valid_at"`
	Data      map[string]any `json:"data"`
}

// Context returns the bounded context that the command is for.
func (l Line) Context() string {
	context, _, _ := strings.Cut(l.Type, ".")
	return context
}

// Begin returns the moment at which the shop opens.
func Begin() time.Time { return time.Date(2026, 3, 31, 9, 0, 0, 0, time.UTC) }

// Noon returns a moment in the middle of the day.
func Noon() time.Time { return Begin().Add(Hours * time.Hour / 2) }

// The streams of chance: each has its own, so that more of one kind changes nothing of another.
const (
	chanceOfOrders = iota + 1
	chanceOfTransfers
	chanceOfDebits
)

func (d Day) chance(of uint64) *rand.Rand { return rand.New(rand.NewPCG(d.Seed<<8|of, d.Seed)) }

// line is a command whose ID says what it is: nothing else in the same day has it.
func (d Day) line(kind, id, what string, at time.Time, data map[string]any) Line {
	return Line{
		Type: kind, ID: id, CommandID: fmt.Sprintf("shop-day-%d/%s/%s", d.Seed, id, what), ValidAt: at.Format(time.RFC3339Nano), Data: data,
	}
}
