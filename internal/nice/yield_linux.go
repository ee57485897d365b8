package nice

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// rawZero is what the system call, unlike its wrapper in C, calls a nice value of 0; it counts down from there.
const rawZero = 20

// Yield gives every thread of this process a nice value, and so all that they start. One that is nicer stays so.
//
// Linux keeps the value by thread, and a thread begins with that of the thread that made it. One that is still to be
// changed may make another behind the reader of the list: the list is read until everything in it had been changed before.
func Yield(value int) error {
	if err := Check(value); err != nil {
		return err
	}
	for changed := true; changed; {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("list this process's threads: %w", err)
		}
		changed = false
		for _, thread := range threads {
			id, err := strconv.Atoi(thread.Name())
			if err != nil {
				return fmt.Errorf("thread %q: %w", thread.Name(), err)
			}
			did, err := yield(id, value)
			if err != nil {
				return fmt.Errorf("set the nice value of thread %d: %w", id, err)
			}
			changed = changed || did
		}
	}
	return nil
}

func yield(thread, value int) (changed bool, err error) {
	raw, err := syscall.Getpriority(syscall.PRIO_PROCESS, thread)
	if err == nil && rawZero-raw < value {
		changed, err = true, syscall.Setpriority(syscall.PRIO_PROCESS, thread, value)
	}
	if errors.Is(err, syscall.ESRCH) { // it has ended
		return false, nil
	}
	return changed, err
}
