package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// What a run over the network is asked to decide, and how much goes wrong meanwhile.
const (
	worldCommands = 300
	worldAccounts = 12
	worldFaults   = 25
	worldSpan     = 30 * time.Second
	worldPatience = 5 * time.Minute // for everything to be decided once the faults are over
)

// result is what a run came to.
type result struct {
	breaches []breach
	counts   figures
	trace    *trace
}

// Streams of chance that one seed gives: what is asked does not depend on who is there, nor on what goes wrong.
const (
	whoIsThere = iota
	whatIsAsked
	whatGoesWrong
	howDisksTear
)

func stream(seed, of uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, of)) }

// runWorld runs the whole write side as seed decides: who is there, what is asked of it, what goes wrong and when. It
// needs a synctest bubble around it.
func runWorld(ctx context.Context, what code, seed uint64) (result, error) {
	rng := stream(seed, whoIsThere)
	c := worldConfig{code: what, partitions: 2 + rng.Int32N(4), processes: 2 + rng.IntN(3), sessions: 1 + rng.IntN(3), standbys: rng.IntN(3), producers: 2}
	w, err := openWorld(ctx, c)
	if err != nil {
		return result{}, err
	}
	orders := script(w.frames, stream(seed, whatIsAsked), scriptConfig{partitions: c.partitions, commands: worldCommands, accounts: worldAccounts, span: worldSpan})
	faults := plan(stream(seed, whatGoesWrong), planConfig{span: worldSpan, faults: worldFaults, processes: c.processes, producers: c.producers})
	w.trace.add("seed %d: %d partitions, %d processes of %d sessions and %d standbys", seed, c.partitions, c.processes, c.sessions, c.standbys)
	for _, f := range faults {
		w.trace.add("planned: %s", f)
	}
	for _, p := range w.processes {
		w.start(p)
	}
	w.running.Add(1)
	go func() {
		defer w.running.Done()
		w.carryOut(faults, stream(seed, howDisksTear))
	}()
	w.play(ctx, orders)
	w.settle(ctx, worldPatience)
	breaches := w.close(ctx)
	return result{breaches, w.counts, &w.trace}, nil
}

// What a run of the pure world is asked to decide.
const (
	pureCommands = 400
	pureAccounts = 40
)

// runPure runs the engine alone as seed decides, and returns a digest of everything that the run left: the same seed
// gives the same, to the last bit.
func runPure(what code, seed uint64) (result, string) {
	w := newPureWorld(pureConfig{
		code: what, seed: seed,
		script: scriptConfig{partitions: purePartitions, commands: pureCommands, accounts: pureAccounts, span: time.Second},
	})
	err := w.run()
	out := result{counts: w.counts, trace: &w.trace}
	if err != nil {
		out.breaches = append(out.breaches, breach{endsWell, err.Error()})
	}
	out.breaches = append(out.breaches, breachesOf(w.history)...)
	return out, w.digest()
}

// report is what a person needs who has to understand a failure.
func (r result) report(replay string, lines int) string {
	out := ""
	for _, b := range r.breaches {
		out += b.String() + "\n"
	}
	return fmt.Sprintf("%s%s\nto see all of it: %s", out, r.trace.tail(lines), replay)
}
