package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"
)

// reachTimeout is how long a service on the network may take to accept a connection before we say that it doesn't.
const reachTimeout = 3 * time.Second

// Reach returns nil once one of a service's addresses accepts a connection, and else, soon, an error that says which
// ones were tried and what to do. The clients of most services would try for minutes before they said anything.
func Reach(ctx context.Context, service, flag string, addresses ...string) error {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	answers := make(chan error, len(addresses))
	for _, address := range addresses {
		go func() {
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
			if err == nil {
				err = conn.Close()
			}
			answers <- plainly(address, err)
		}()
	}
	var faults []string
	for range addresses {
		err := <-answers
		if err == nil {
			return nil
		}
		faults = append(faults, err.Error())
	}
	return fmt.Errorf("%s can't be reached: %s. Is it running, and is %s right? (`recount up` starts everything on this machine)", service, strings.Join(faults, ", "), flag)
}

// plainly puts a failed connection into words.
func plainly(address string, err error) error {
	var dns *net.DNSError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &dns):
		return fmt.Errorf("%s has no such host", address)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens on %s", address)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s did not answer within %v", address, reachTimeout)
	}
	return fmt.Errorf("%s: %w", address, err)
}
