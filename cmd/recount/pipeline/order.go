package pipeline

import (
	"context"
	"errors"
	"fmt"
)

// part is something that works until its context ends.
type part struct {
	name string
	run  func(ctx context.Context) error
}

// inOrder runs parts beside each other until ctx ends or one of them does. Then it stops them one after the other, in
// the order given, each only when the one before has ended: what comes later is needed by what comes earlier.
func inOrder(ctx context.Context, parts ...part) error {
	type running struct {
		part
		stop  context.CancelFunc
		ended chan error
	}
	first := make(chan string, len(parts))
	var all []running
	for _, p := range parts {
		own, stop := context.WithCancel(context.WithoutCancel(ctx))
		r := running{part: p, stop: stop, ended: make(chan error, 1)}
		go func() {
			r.ended <- r.run(own)
			first <- r.name
		}()
		all = append(all, r)
	}
	early := ""
	select {
	case <-ctx.Done():
	case early = <-first:
	}
	var faults []error
	for _, r := range all {
		r.stop()
		if err := <-r.ended; err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", r.name, err))
		}
	}
	if early != "" && len(faults) == 0 {
		return fmt.Errorf("%s ended by itself", early)
	}
	return errors.Join(faults...)
}
