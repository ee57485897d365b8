package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"
	"github.com/testcontainers/testcontainers-go/wait"
)

// Options say what broker to start. The zero value is one as Recount recommends.
type Options struct {
	// Settings are more of the broker's. They win over ours.
	Settings map[string]string
	// Detour is an address, host:port, at which clients that come by it shall look for the broker: that of something in
	// between, which leads to [Broker.DetourAddr].
	Detour string
}

// Broker is a Kafka in a container.
type Broker struct {
	at        ports
	container *testcontainers.DockerContainer
	docker    *testcontainers.DockerClient
	paused    bool
}

// ports are on the loopback interface of this machine.
type ports struct{ clients, detour, controller int }

const (
	imageDefault = "apache/kafka:4.3.1"
	// runLabel marks what is to be removed with the run it belongs to, should the test not come to that.
	runLabel, runVariable = "recount.run", "RECOUNT_RUN"

	startTimeout = 2 * time.Minute
	// portAttemptsMax: a port that was free a moment ago may be taken by somebody else.
	portAttemptsMax = 3
	readyLine       = "Kafka Server started"
)

// Start starts a broker and waits until it serves.
func Start(ctx context.Context, o Options) (*Broker, error) {
	docker, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return nil, fmt.Errorf("no Docker daemon can be reached; make e2e says how to get one: %w", err)
	}
	b := &Broker{docker: docker}
	for range portAttemptsMax {
		if err = b.run(ctx, o); err == nil {
			return b, nil
		}
		if !strings.Contains(err.Error(), "already") { // in use, allocated
			break
		}
	}
	return nil, fmt.Errorf("start Kafka in a container: %w", errors.Join(err, docker.Close()))
}

func (b *Broker) run(ctx context.Context, o Options) (err error) {
	if b.at, err = freePorts(ctx); err != nil {
		return err
	}
	b.container, err = testcontainers.Run(ctx, cmp.Or(os.Getenv("KAFKA_IMAGE"), imageDefault),
		testcontainers.WithEnv(environment(settings(o, b.at))),
		testcontainers.WithLabels(map[string]string{runLabel: os.Getenv(runVariable)}),
		// On this machine's own network: in front of a mapped port stands a proxy of the daemon's, which takes connections
		// on behalf of a broker that is gone, and to clients that looks like a broker that speaks something else.
		testcontainers.WithHostConfigModifier(func(h *container.HostConfig) { h.NetworkMode = "host" }),
		testcontainers.WithLogger(log.NewNoopLogger()),
		testcontainers.WithWaitStrategyAndDeadline(startTimeout, wait.ForLog(readyLine)),
	)
	if err != nil && b.container != nil {
		err = errors.Join(err, errors.New(b.LastLines(context.WithoutCancel(ctx))), testcontainers.TerminateContainer(b.container))
	}
	return err
}
