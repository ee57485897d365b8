package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"recount/internal/process"
)

// Options say what broker to start. The zero value is a tuned one in a temporary folder.
type Options struct {
	// Variant is Tuned where it is empty.
	Variant Variant
	// Dir keeps the data; a broker started in it again finds what was there. Empty: a temporary folder, removed by Stop.
	Dir string
	// Port is where clients connect; 0: a free one.
	Port int
	// Listeners are more ways to reach it, each on a free port, see ListenerAddr.
	Listeners []Listener
	// HeapBytes is the JVM's heap; 0: 1 GiB. Most of what a broker needs is the operating system's page cache.
	HeapBytes int64
	// Settings are more lines of server.properties. They win over ours.
	Settings map[string]string
	// Log receives the broker's log; nil: its last lines are kept for messages.
	Log io.Writer
	// Progress is told about what takes long; nil: nobody is.
	Progress func(string)
}

// Broker is a running Kafka.
type Broker struct {
	*process.Process
	address   string
	listeners map[string]string // where the additional ones are, by name
	dir       string
	remove    bool // the folder, after the end
}

const (
	heapBytesDefault = 1 << 30
	startTimeout     = 2 * time.Minute
	stopTimeout      = 30 * time.Second
	// portAttemptsMax: a port that was free a moment ago may be taken by somebody else.
	portAttemptsMax = 3
	readyLine       = "Kafka Server started"
	portTaken       = "Address already in use"
)

// Start starts a broker and waits until it serves. The first start on a machine fetches the jars.
func Start(ctx context.Context, o Options) (*Broker, error) {
	b, err := start(ctx, o.withDefaults())
	if err != nil {
		return nil, fmt.Errorf("start Kafka %s: %w", Version, err)
	}
	return b, nil
}

func (o Options) withDefaults() Options {
	if o.Variant == "" {
		o.Variant = Tuned
	}
	if o.HeapBytes == 0 {
		o.HeapBytes = heapBytesDefault
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	return o
}

func start(ctx context.Context, o Options) (*Broker, error) {
	kafka, err := install(ctx, o.Progress)
	if err != nil {
		return nil, err
	}
	b := &Broker{dir: o.Dir, remove: o.Dir == ""}
	if b.remove {
		if b.dir, err = os.MkdirTemp("", "recount-kafka-"); err != nil {
			return nil, err
		}
	} else if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return nil, err
	}
	if b.dir, err = filepath.Abs(b.dir); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for range portAttemptsMax {
		if err = b.launch(ctx, kafka, o); err == nil {
			return b, nil
		}
		if o.Port != 0 || !strings.Contains(err.Error(), portTaken) {
			break
		}
	}
	return nil, errors.Join(err, b.clean())
}

// launch starts the broker on free ports and waits until it serves.
func (b *Broker) launch(ctx context.Context, kafka installation, o Options) error {
	at, err := freeEndpoints(ctx, o.Port, len(o.Listeners))
	if err != nil {
		return err
	}
	b.address, b.listeners = loopback(at.clients), map[string]string{}
	for i, l := range o.Listeners {
		b.listeners[l.Name] = loopback(at.more[i])
	}
	if err := b.write(settings(b.dir, at, o)); err != nil {
		return err
	}
	if err := kafka.format(ctx, b.dir); err != nil {
		return err
	}
	ready := make(chan struct{})
	once := sync.OnceFunc(func() { close(ready) })
	b.Process, err = process.Start(process.Spec{
		Name: "Kafka", Path: kafka.java, Args: kafka.command(b.dir, o.HeapBytes), Dir: b.dir, Log: o.Log,
		OnLine: func(line string) {
			if strings.Contains(line, readyLine) {
				once()
			}
		},
	})
	if err != nil {
		return err
	}
	select {
	case <-ready:
		return nil
	case <-b.Done():
		return b.Err()
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("it was not ready: %w%s", ctx.Err(), b.LastLines()), b.Kill())
	}
}

// write writes the files the broker starts from.
func (b *Broker) write(settings map[string]string) error {
	logging, err := fs.ReadFile(files, logFile)
	return errors.Join(err,
		os.WriteFile(filepath.Join(b.dir, logFile), logging, 0o644),
		os.WriteFile(filepath.Join(b.dir, propertiesFile), properties(settings), 0o644))
}

// freeEndpoints finds ports that nobody listens on. It holds all until it knows all: the same one is never found twice.
func freeEndpoints(ctx context.Context, clients, more int) (at endpoints, err error) {
	at.clients, at.more = clients, make([]int, more)
	ports := []*int{&at.clients, &at.controller}
	for i := range at.more {
		ports = append(ports, &at.more[i])
	}
	for _, port := range ports {
		ln, err := new(net.ListenConfig).Listen(ctx, "tcp", loopback(*port))
		if err != nil {
			return at, fmt.Errorf("find a port to listen on: %w", err)
		}
		defer func() { err = errors.Join(err, ln.Close()) }()
		*port = ln.Addr().(*net.TCPAddr).Port
	}
	return at, nil
}

// Addr is where clients connect: host and port.
func (b *Broker) Addr() string { return b.address }

// ListenerAddr is where clients reach the additional listener of that name: host and port.
func (b *Broker) ListenerAddr(name string) string { return b.listeners[name] }

// Dir is the folder with the broker's data and settings.
func (b *Broker) Dir() string { return b.dir }

// Stop has the broker close its files and end, and removes a temporary folder. It takes half a minute at the most.
func (b *Broker) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	return errors.Join(b.Process.Stop(ctx), b.clean())
}

// Kill ends the broker as a power failure would, and leaves its folder as it is. Stop removes it later.
func (b *Broker) Kill() error { return b.Process.Kill() }

func (b *Broker) clean() error {
	if !b.remove {
		return nil
	}
	return os.RemoveAll(b.dir)
}
