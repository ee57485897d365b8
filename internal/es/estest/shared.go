package estest

import "fmt"

// Shared says that a state of S changed after it was made, or nil. It folds events, oldest first, and from every state
// on the way evolves each of them once more and throws that away: where Evolve writes to a slice or map that the new
// state has in common with the old one, one of the two is seen to change.
func Shared[S interface{ Evolve(E) S }, E any](events []E) error {
	var state S
	states, seen := []S{state}, []string{fmt.Sprintf("%+v", state)}
	for _, e := range events {
		next := state.Evolve(e)
		states, seen = append(states, next), append(seen, fmt.Sprintf("%+v", next))
		for _, other := range events {
			state.Evolve(other)
		}
		state = next
	}
	for i, s := range states {
		if now := fmt.Sprintf("%+v", s); now != seen[i] {
			return fmt.Errorf("the state after %d events was %s and became %s: Evolve must not write to what an older state can see", i, seen[i], now)
		}
	}
	return nil
}
