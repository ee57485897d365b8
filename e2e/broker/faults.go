package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"recount/internal/kafka"
)

const (
	stopTimeout  = 30 * time.Second
	pingTimeout  = 5 * time.Second
	pingPause    = 100 * time.Millisecond
	logTailBytes = 6 << 10
)

// Kill ends the broker as a power failure of its process would. Its data and its place stay.
func (b *Broker) Kill(ctx context.Context) error {
	_, err := b.docker.ContainerKill(ctx, b.id(), client.ContainerKillOptions{Signal: "KILL"})
	return told("kill the broker", err)
}

// Again starts a broker that was killed, with the data it had and where it was, and waits until it serves.
func (b *Broker) Again(ctx context.Context) error {
	_, err := b.docker.ContainerStart(ctx, b.id(), client.ContainerStartOptions{})
	return told("start the broker again", errors.Join(err, b.await(ctx)))
}

// Restart has the broker close its files, end, and start again.
func (b *Broker) Restart(ctx context.Context) error {
	patience := int(stopTimeout.Seconds())
	_, err := b.docker.ContainerRestart(ctx, b.id(), client.ContainerRestartOptions{Timeout: &patience})
	return told("restart the broker", errors.Join(err, b.await(ctx)))
}

// Pause freezes the broker: its connections stay open, and nothing answers.
func (b *Broker) Pause(ctx context.Context) error {
	_, err := b.docker.ContainerPause(ctx, b.id(), client.ContainerPauseOptions{})
	b.paused = err == nil
	return told("pause the broker", err)
}

// Unpause lets it go on.
func (b *Broker) Unpause(ctx context.Context) error {
	_, err := b.docker.ContainerUnpause(ctx, b.id(), client.ContainerUnpauseOptions{})
	b.paused = b.paused && err != nil
	return told("let the broker go on", err)
}

// Stop removes the broker and its data.
func (b *Broker) Stop(ctx context.Context) error {
	var errs []error
	if b.paused {
		errs = append(errs, b.Unpause(ctx))
	}
	errs = append(errs,
		testcontainers.TerminateContainer(b.container, testcontainers.StopContext(ctx), testcontainers.StopTimeout(0)), // its data goes anyway
		b.docker.Close())
	return told("remove the broker", errors.Join(errs...))
}

// Addr is where clients connect: host and port. It stays the same for the broker's life.
func (b *Broker) Addr() string { return loopback(b.at.clients) }

// DetourAddr is what the detour leads to. Nobody else connects here.
func (b *Broker) DetourAddr() string { return loopback(b.at.detour) }

// Config is how to reach it.
func (b *Broker) Config() kafka.Config {
	return kafka.Config{Brokers: []string{b.Addr()}, ClientID: "e2e"}
}

// DataFile returns what a file in the broker's data folder holds.
func (b *Broker) DataFile(ctx context.Context, name string) ([]byte, error) {
	file, err := b.container.CopyFileFromContainer(ctx, dataDir+"/"+name)
	if err != nil {
		return nil, told("read the broker's "+name, err)
	}
	content, err := io.ReadAll(file)
	return content, told("read the broker's "+name, errors.Join(err, file.Close()))
}

// LastLines are the end of the broker's log.
func (b *Broker) LastLines(ctx context.Context) string {
	lines, err := b.container.Logs(ctx)
	if err != nil {
		return fmt.Sprintf("the broker's log can't be read: %v", err)
	}
	all, err := io.ReadAll(lines)
	if err = errors.Join(err, lines.Close()); err != nil {
		all = fmt.Appendf(all, "\nand no more could be read: %v", err)
	}
	return strings.TrimSpace(string(all[max(0, len(all)-logTailBytes):]))
}

// await waits until the broker answers.
func (b *Broker) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		once, cancel := context.WithTimeout(ctx, pingTimeout)
		err := b.Config().Ping(once)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w\n%s", err, b.LastLines(context.WithoutCancel(ctx)))
		case <-time.After(pingPause):
		}
	}
}

func (b *Broker) id() string { return b.container.GetContainerID() }

func told(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
