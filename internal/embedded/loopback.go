package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// listenLoopback listens on 127.0.0.1, the only address an embedded service ever has.
func listenLoopback(port int) (net.Listener, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %d is taken by another program; stop that one or choose another port: %w", port, err)
	}
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return listener, nil
}

// drainPatience is how long requests may still run after a stop; then their connections are cut.
const drainPatience = 3 * time.Second

// serveHTTP serves until ctx ends, then lets running requests end, up to a limit.
func serveHTTP(ctx context.Context, listener net.Listener, handler http.Handler) error {
	requests, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	server := &http.Server{
		Handler:           onlyFromHere(handler),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       5 * time.Minute,
		BaseContext:       func(net.Listener) context.Context { return requests },
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve HTTP: %w", err)
	case <-ctx.Done():
	}
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainPatience)
	defer cancel()
	if err := server.Shutdown(draining); err != nil {
		cut() // kills the queries that still run
		return errors.Join(ignoreTimeout(err), server.Close())
	}
	return nil
}

// ignoreTimeout drops the error for requests that had to be cut: stopping was the point.
func ignoreTimeout(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// onlyFromHere refuses what a browser sends for a page from elsewhere. Listening on loopback alone does not keep those
// out: neither a form posted across origins, nor a foreign name that suddenly resolves to 127.0.0.1.
func onlyFromHere(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" || !isLoopback(r.Host) {
			http.Error(w, "embedded services know no users: they answer programs on this machine, under its own address, and no web pages",
				http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isLoopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]") // no port in it
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
