// Package pipeline is Recount in one process: every role, on embedded services or on those it is told of.
//
// The roles are the very ones that run as programs of their own, and talk to each other through Kafka alone: one process
// is a convenience, not another design. It adds nothing but the order in which things start and stop.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/local"
	"recount/cmd/internal/role"
	"recount/cmd/recount/console"
	"recount/cmd/recount/status"
	"recount/internal/telemetry"
	"recount/internal/webconsole"
)

// Pipeline is every role, opened.
type Pipeline struct {
	// Foundation is what the roles share: connections, codec, telemetry.
	*role.Foundation
	cfg        Config
	services   *local.Services
	ingest     *role.IngestServer
	aggregator role.Role
	saga       role.Role
	projectors role.Role
	close      func() error
}

// Open starts the embedded services and opens every role. Nothing is decided before Run. Close it in any case.
func Open(ctx context.Context, cfg Config) (_ *Pipeline, err error) {
	p := &Pipeline{cfg: cfg}
	p.close = sync.OnceValue(p.closeAll)
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	if p.services, err = local.Start(ctx, cfg.Embedded()); err != nil {
		return nil, err
	}
	p.Foundation, err = role.Lay(ctx, role.Surroundings{
		Name: "recount", Services: cfg.reachable(p.services.Address), Topics: role.DefaultTopics(), Log: cfg.Log,
		Telemetry: telemetry.New("recount"), Tracing: &cfg.Tracing,
	})
	if err != nil {
		return nil, err
	}
	return p, p.openRoles(ctx)
}

func (p *Pipeline) openRoles(ctx context.Context) (err error) {
	decide := role.NewAggregator()
	decide.State = filepath.Join(p.cfg.DataDir, "aggregator")
	if p.aggregator, err = decide.Open(ctx, p.Foundation); err != nil {
		return err
	}
	process := role.NewSaga()
	process.State = filepath.Join(p.cfg.DataDir, "saga")
	if p.saga, err = process.Open(ctx, p.Foundation); err != nil {
		return err
	}
	if p.projectors, err = role.NewProjectors().Open(ctx, p.Foundation); err != nil {
		return err
	}
	pages, err := p.console()
	if err != nil {
		return err
	}
	take := role.NewIngest()
	take.Address, take.Beside = net.JoinHostPort("127.0.0.1", strconv.Itoa(p.cfg.Ports.HTTP)), pages
	if p.ingest, err = take.Open(ctx, p.Foundation); errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("--http-port: port %d is taken by another program: stop that one, or choose another port with --http-port (0: any free one)", p.cfg.Ports.HTTP)
	}
	return err
}

// console makes the console's pages, which are served beside the commands.
func (p *Pipeline) console() (map[string]http.Handler, error) {
	in := &cli.Process{Name: p.Name, Log: p.Log}
	c, err := console.Open(in, func() status.Question {
		q := status.Usual(p.Services)
		q.Roles = []string{p.ingest.Addr()} // all roles show their health there
		return q
	}, func(context.Context) (*role.Foundation, error) { return p.Foundation, nil })
	if err != nil {
		return nil, err
	}
	p.OnClose(c.Close)
	return c.Routes(), nil
}

// Run works until ctx ends or a part of the pipeline does. Then it stops from the front: ingest finishes what it has
// begun, so that nothing more comes; sagas and the aggregator finish their batches and write their
// stores; the projectors finish their ranges.
func (p *Pipeline) Run(ctx context.Context) error {
	return inOrder(ctx,
		part{"ingest", p.ingest.Run},
		part{"saga", p.saga.Run},
		part{"aggregator", p.aggregator.Run},
		part{"projectors", p.projectors.Run},
		part{"embedded services", p.services.Run})
}

// Close closes what the roles have opened and then stops the services: ClickHouse, Kafka, the registry. No role may be
// running.
func (p *Pipeline) Close() error { return p.close() }

func (p *Pipeline) closeAll() error {
	var faults []error
	if p.Foundation != nil {
		faults = append(faults, p.Foundation.Close())
	}
	if p.services != nil {
		faults = append(faults, p.services.Stop())
	}
	return errors.Join(faults...)
}

const (
	readyEvery = 20 * time.Millisecond
	// reasonsEvery is how often it is said what is waited for, when that takes long.
	reasonsEvery = 5 * time.Second
)

// AwaitReady returns once every role has caught up. Run must be running.
func (p *Pipeline) AwaitReady(ctx context.Context) error {
	told := time.Now()
	for {
		waiting := p.Telemetry.Waiting()
		if len(waiting) == 0 {
			return nil
		}
		if p.cfg.Progress != nil && time.Since(told) > reasonsEvery {
			told = time.Now()
			p.cfg.Progress("not ready yet: " + reasons(waiting))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready: %s: %w", reasons(waiting), context.Cause(ctx))
		case <-time.After(readyEvery):
		}
	}
}

func reasons(waiting []telemetry.Waiting) string {
	var all []string
	for _, w := range waiting {
		all = append(all, w.Reason)
	}
	return strings.Join(all, "; ")
}

// HTTP is the URL that commands are sent to.
func (p *Pipeline) HTTP() string { return "http://" + p.ingest.Addr() }

// Console is the URL of the console.
func (p *Pipeline) Console() string { return p.HTTP() + webconsole.Path }

// DataDir is where everything is kept.
func (p *Pipeline) DataDir() string { return p.cfg.DataDir }

// Embedded says whether a service is the embedded one.
func (p *Pipeline) Embedded(s local.Service) bool { return p.services.Address(s) != "" }
