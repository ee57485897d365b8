// Package local runs the services that Recount stands on, embedded, on this machine and for it alone: Kafka, ClickHouse
// and a schema registry, as one unit that starts together, is watched together and stops in order.
//
// Each has a folder of its own under the data folder and locks it, so that any of them can also be started alone, by
// different processes, over the same data. It runs no role and creates no topic, table or schema.
package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"recount/internal/embedded"
)

// Service names one of the embedded services, as flags and folders do.
type Service string

// The embedded services.
const (
	Kafka      Service = "kafka"
	Registry   Service = "registry"
	ClickHouse Service = "clickhouse"
)

// All returns the services in the order in which they start: what fails fast first.
func All() []Service { return []Service{Kafka, Registry, ClickHouse} }

// Parse returns the service called name.
func Parse(name string) (Service, error) {
	if s := Service(name); slices.Contains(All(), s) {
		return s, nil
	}
	var names []string
	for _, s := range All() {
		names = append(names, string(s))
	}
	return "", fmt.Errorf("there is no embedded service %q, only %s", name, strings.Join(names, ", "))
}

// PortFlag is the flag that chooses the service's port.
func (s Service) PortFlag() string { return "--" + string(s) + "-port" }

// Options say what to start, and where.
type Options struct {
	// DataDir holds a folder for each service.
	DataDir string
	// Start lists the services to start.
	Start []Service
	// Ports to listen on, on 127.0.0.1; 0, or none, is any free one.
	Ports map[Service]int
	// Progress is told what takes long: fetching ClickHouse, the first time.
	Progress func(message string)
}

// Services are embedded services that run.
type Services struct {
	addresses  map[Service]string
	kafka      *embedded.Kafka
	registry   *embedded.Registry
	clickhouse *embedded.ClickHouse
	stop       sync.Once
	stopped    error
}

// Start starts the services that o lists and returns when all of them answer. If one fails, none runs.
func Start(ctx context.Context, o Options) (*Services, error) {
	s := &Services{addresses: map[Service]string{}}
	for _, service := range All() {
		if !slices.Contains(o.Start, service) {
			continue
		}
		address, err := s.start(ctx, service, o)
		if err != nil {
			return nil, errors.Join(explain(service, o.Ports[service], err), s.Stop())
		}
		s.addresses[service] = address
	}
	return s, nil
}

func (s *Services) start(ctx context.Context, service Service, o Options) (address string, err error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	dir, port := filepath.Join(o.DataDir, string(service)), o.Ports[service]
	switch service {
	case Kafka:
		if s.kafka, err = embedded.StartKafka(embedded.KafkaOptions{DataDir: dir, Port: port}); err != nil {
			return "", err
		}
		return s.kafka.Addr(), nil
	case Registry:
		if s.registry, err = embedded.StartRegistry(embedded.RegistryOptions{DataDir: dir, Port: port}); err != nil {
			return "", err
		}
		return strings.TrimPrefix(s.registry.URL(), "http://"), nil
	case ClickHouse:
		// The child can only tell in words that its port is taken.
		if err := portIsFree(port); err != nil {
			return "", err
		}
		s.clickhouse, err = embedded.StartClickHouse(ctx, embedded.ClickHouseOptions{DataDir: dir, Port: port, Progress: o.Progress})
		if err != nil {
			return "", err
		}
		return s.clickhouse.Addr(), nil
	}
	return "", fmt.Errorf("there is no embedded service %q", service)
}

func portIsFree(port int) error {
	if port == 0 {
		return nil
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	return listener.Close()
}

// explain says what to do about a service that did not start.
func explain(service Service, port int, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s: port %d is taken by another program: stop that one, or choose another port with %s (0: any free one)",
			service.PortFlag(), port, service.PortFlag())
	}
	return err
}

// Address is where a service listens, host:port; empty for one that was not started.
func (s *Services) Address(service Service) string { return s.addresses[service] }

// Run watches the services until ctx ends. It returns early with an error if one has ended by itself.
func (s *Services) Run(ctx context.Context) error {
	var died <-chan struct{}
	if s.clickhouse != nil {
		died = s.clickhouse.Done()
	}
	select {
	case <-ctx.Done():
		return nil
	case <-died:
		return s.clickhouse.Err()
	}
}

// stopPatience is how long ClickHouse may take to close its files before it is killed, which loses nothing that it has
// acknowledged.
const stopPatience = 15 * time.Second

// Stop closes what runs, ClickHouse first and the registry last, and lets the folders go. It waits however long that
// takes within bounds, and can be called again.
func (s *Services) Stop() error {
	s.stop.Do(func() {
		var faults []error
		if s.clickhouse != nil {
			ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
			defer cancel()
			faults = append(faults, s.clickhouse.Stop(ctx))
		}
		if s.kafka != nil {
			faults = append(faults, s.kafka.Close())
		}
		if s.registry != nil {
			faults = append(faults, s.registry.Close())
		}
		s.stopped = errors.Join(faults...)
	})
	return s.stopped
}
