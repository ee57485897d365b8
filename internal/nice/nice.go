// Package nice has a program let others of its machine go first, as nice(1) does for one that is about to start.
package nice

import "fmt"

const (
	// Background is for work that nobody waits for.
	Background = 10
	// Max is as much as a program can yield.
	Max = 19
)

// Check says what is wrong with a value that somebody gave.
func Check(value int) error {
	if value < 0 || value > Max {
		return fmt.Errorf("%d is no nice value that anybody may take: give 0 (as urgent as others) to %d (the least)", value, Max)
	}
	return nil
}
