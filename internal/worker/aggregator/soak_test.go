//go:build soak

package aggregator_test

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"testing"

	"recount/internal/es"
	"recount/internal/partition"
	"recount/internal/statestore"
)

// TestSoakFuzzedCommands sends a million records, most of them damaged, to the command topic: no panic, every record
// that can't be decided is in the dead letters exactly once, and every other is decided.
func TestSoakFuzzedCommands(t *testing.T) {
	const records, accounts = 1_000_000, 200
	p := newPipeline(t)
	rng := rand.New(rand.NewPCG(11, 13))
	bad := map[[32]byte]int{}
	decidable := 0
	w := p.start(p.config("w1", statestore.NewMem()))
	for i := range records {
		id := fmt.Sprint("acct-", rng.IntN(accounts))
		frame, err := p.codec.CommandFromJSON("bank.account.deposit", es.CommandMeta{AggregateID: id, CommandID: fmt.Sprint("c", i)}, []byte(`{"amount":1,"currency":"EUR","reference":"x"}`))
		if err != nil {
			t.Fatal(err)
		}
		frame = damage(rng, frame)
		if cmd, err := p.codec.Context("bank").DecodeCommand(frame); err != nil || cmd.Meta.AggregateID == "" || cmd.Meta.CommandID == "" {
			bad[sha256.Sum256(frame)]++
		} else {
			decidable++
		}
		p.raw(partition.Of(id, partitions), id, frame)
	}
	p.flush()
	want := 0
	for _, n := range bad {
		want += n
	}
	t.Logf("%d records: %d bad, %d decidable", records, want, decidable)
	for _, r := range p.log("bank.dead-letters", want) {
		bad[sha256.Sum256(r.Value)]--
	}
	for sum, n := range bad {
		if n != 0 {
			t.Errorf("%x: %d too few in the dead letters", sum[:4], n)
		}
	}
	eventually(t, "the worker stays ready", func() bool { return w.w.Ready() == nil })
}

// damage leaves a quarter of the frames as they are.
func damage(rng *rand.Rand, frame []byte) []byte {
	switch rng.IntN(8) {
	case 0, 1:
		return frame
	case 2:
		return frame[:rng.IntN(len(frame))]
	case 3:
		out := make([]byte, rng.IntN(200))
		for i := range out {
			out[i] = byte(rng.Uint32())
		}
		return out
	case 4:
		return append(frame, byte(rng.Uint32()))
	}
	for range 1 + rng.IntN(4) {
		frame[rng.IntN(len(frame))] ^= 1 << rng.IntN(8)
	}
	return frame
}
