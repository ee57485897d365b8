package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"

	"recount/internal/filelock"
)

const registryService = "schema registry"

// RegistryOptions says where the embedded registry keeps its schemas.
type RegistryOptions struct {
	// DataDir holds the schemas with their IDs; empty keeps them in memory. One instance at a time can use it.
	DataDir string
	// Port to listen on, on 127.0.0.1; 0 picks a free one.
	Port int
	// LogWriter gets the log where the registry is a process of its own.
	LogWriter io.Writer `json:"-"`
}

// Registry is the embedded schema registry in this process.
type Registry struct {
	address string
	stop    context.CancelFunc
	served  chan error
	lock    *filelock.Lock // nil without a folder
	once    sync.Once
	closed  error
}

// StartRegistry starts a registry in this process. It speaks Confluent's API and finds every schema compatible with
// every other: compatibility is for the gate over the schema files to check.
func StartRegistry(o RegistryOptions) (*Registry, error) {
	r := &Registry{served: make(chan error, 1)}
	handler, err := r.open(o.DataDir)
	if err != nil {
		return nil, err
	}
	listener, err := listenLoopback(o.Port)
	if err != nil {
		return nil, errors.Join(err, r.release())
	}
	r.address = listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	go func() { r.served <- serveHTTP(ctx, listener, handler) }()
	return r, nil
}

// open locks the folder, if there is one, and restores what is in it.
func (r *Registry) open(dir string) (_ http.Handler, err error) {
	if dir == "" {
		return openSchemas("")
	}
	if r.lock, err = lockDataDir(context.Background(), dir, registryService); err != nil {
		return nil, err
	}
	handler, err := openSchemas(filepath.Join(dir, "schemas.json"))
	if err != nil {
		return nil, errors.Join(err, r.release())
	}
	return handler, nil
}

func (r *Registry) release() error {
	if r.lock == nil {
		return nil
	}
	return r.lock.Release()
}

// URL is where sr's client reaches it.
func (r *Registry) URL() string { return "http://" + r.address }

// Close lets running requests end and the data folder go. There is nothing to write: what was acknowledged is on disk.
func (r *Registry) Close() error {
	r.once.Do(func() {
		r.stop()
		r.closed = errors.Join(<-r.served, r.release())
	})
	return r.closed
}

// ServeRegistry runs a registry in this process until ctx ends, as a command of its own would. ready, where given, gets
// the URL.
func ServeRegistry(ctx context.Context, o RegistryOptions, ready func(url string)) error {
	r, err := StartRegistry(o)
	if err != nil {
		return err
	}
	if ready != nil {
		ready(r.URL())
	}
	<-ctx.Done()
	return r.Close()
}

// StartRegistryProcess starts a registry as a process of its own. Its URL is "http://" and the process's Addr.
func StartRegistryProcess(ctx context.Context, o RegistryOptions) (*Process, error) {
	return startProcess(ctx, processOptions{service: registryService, config: o, log: o.LogWriter})
}

// runRegistry is the child.
func runRegistry(ctx context.Context, config json.RawMessage, ready func(address string)) error {
	var o RegistryOptions
	if err := json.Unmarshal(config, &o); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	return ServeRegistry(ctx, o, func(url string) { ready(strings.TrimPrefix(url, "http://")) })
}
