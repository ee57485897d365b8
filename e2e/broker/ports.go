package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// freePorts finds ports that nobody listens on. It holds all of them until it knows all: the same one is never found twice.
func freePorts(ctx context.Context) (at ports, err error) {
	for _, port := range []*int{&at.clients, &at.detour, &at.controller} {
		ln, err := new(net.ListenConfig).Listen(ctx, "tcp4", loopback(0))
		if err != nil {
			return at, fmt.Errorf("find a port to listen on: %w", err)
		}
		defer func() { err = errors.Join(err, ln.Close()) }()
		*port = ln.Addr().(*net.TCPAddr).Port
	}
	return at, nil
}
