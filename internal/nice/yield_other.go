//go:build !linux

package nice

import (
	"fmt"
	"syscall"
)

// Yield gives this process a nice value, and so all that it starts. One that is nicer stays so.
func Yield(value int) error {
	if err := Check(value); err != nil {
		return err
	}
	has, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	if err == nil && has < value {
		err = syscall.Setpriority(syscall.PRIO_PROCESS, 0, value)
	}
	if err != nil {
		return fmt.Errorf("set this process's nice value: %w", err)
	}
	return nil
}
