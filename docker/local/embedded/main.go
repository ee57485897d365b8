// Embedded is the first process of the images that stand in for those of ClickHouse and of a schema registry, where these
// can't be pulled: the embedded one, which answers on this machine's loopback alone, and before it a proxy that answers the
// other containers of the network.
//
// So whoever reaches the container reaches the database: it is for a network of containers on one machine, like the rest of
// docker/compose.yaml, and never published beyond 127.0.0.1. Web pages are refused as ever.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"recount/internal/embedded"
)

const (
	drainTimeout  = 10 * time.Second
	headerTimeout = 10 * time.Second
)

func main() {
	embedded.RunIfChild() // the embedded ClickHouse is this program once more
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "embedded:", err)
		os.Exit(1)
	}
}

// run starts the service and answers for it until ctx ends.
func run(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return errors.New("usage: embedded clickhouse|registry ADDRESS FOLDER")
	}
	service, address, dir := args[0], args[1], args[2]
	switch service {
	case "clickhouse":
		db, err := embedded.StartClickHouse(ctx, embedded.ClickHouseOptions{DataDir: dir})
		if err != nil {
			return err
		}
		err = serve(ctx, address, db.URL(), db.Done())
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		return errors.Join(err, db.Err(), db.Stop(stopping))
	case "registry":
		registry, err := embedded.StartRegistry(embedded.RegistryOptions{DataDir: dir})
		if err != nil {
			return err
		}
		return errors.Join(serve(ctx, address, registry.URL(), nil), registry.Close())
	}
	return fmt.Errorf("there is no %q", service)
}

// serve passes on what comes to address until ctx ends, or what it is for has.
func serve(ctx context.Context, address, to string, ended <-chan struct{}) error {
	handler, err := forward(to)
	if err != nil {
		return err
	}
	server := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: headerTimeout}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err := <-failed:
		return err
	case <-ended:
	case <-ctx.Done():
	}
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	return server.Shutdown(draining)
}

// forward passes requests on under the service's own name, which is the only one it answers to.
func forward(to string) (http.Handler, error) {
	target, err := url.Parse(to)
	if err != nil {
		return nil, err
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = target.Host
		},
		FlushInterval: -1, // rows are shown as they come
	}, nil
}
