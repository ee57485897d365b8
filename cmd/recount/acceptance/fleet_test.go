package acceptance_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"recount/cmd/internal/cli"
	"recount/internal/embedded"
)

// fleet is the pipeline with every service and every role in a process of its own.
type fleet struct {
	t        *testing.T
	services cli.Services
	state    string // the folder in which each role has its own
	engine   *embedded.ClickHouse
	options  embedded.ClickHouseOptions // to start it again, where it was
	roles    map[string]*program
}

const (
	fleetPartitions = 6
	stopPatience    = 3 * time.Minute
	// mainDatabase is that of the projectors, controlDatabase that of those which don't declare what they insert.
	mainDatabase    = "recount"
	controlDatabase = "undeclared"
)

// newFleet starts the services.
func newFleet(t *testing.T) *fleet {
	t.Helper()
	dir := t.TempDir()
	f := &fleet{t: t, state: dir, roles: map[string]*program{}}
	t.Cleanup(f.tell)
	broker, err := embedded.StartKafkaProcess(t.Context(), embedded.KafkaOptions{DataDir: filepath.Join(dir, "kafka")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.stop(broker) })
	registry, err := embedded.StartRegistryProcess(t.Context(), embedded.RegistryOptions{DataDir: filepath.Join(dir, "registry")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.stop(registry) })
	f.options = embedded.ClickHouseOptions{DataDir: filepath.Join(dir, "clickhouse")}
	if f.engine, err = embedded.StartClickHouse(t.Context(), f.options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.stop(f.engine.Process) })
	_, port, err := net.SplitHostPort(f.engine.Addr())
	if err == nil {
		f.options.Port, err = strconv.Atoi(port)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.services = cli.Services{
		Kafka: []string{broker.Addr()}, Registry: "http://" + registry.Addr(), ClickHouse: f.engine.URL(),
		Database: mainDatabase, Partitions: fleetPartitions,
	}
	return f
}

// tell shows what the roles said last, where the test has failed.
func (f *fleet) tell() {
	if !f.t.Failed() {
		return
	}
	for _, p := range f.roles {
		f.t.Logf("%s:\n%s", p.name, &p.log)
	}
}

func (f *fleet) stop(p *embedded.Process) {
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	if err := errors.Join(p.Err(), p.Stop(ctx)); err != nil {
		f.t.Error(err)
	}
}

// start starts a role, or starts it again as who it was.
func (f *fleet) start(name string, more ...string) {
	f.t.Helper()
	s := f.services
	args := []string{"run", "--kafka", s.Kafka[0], "--registry", s.Registry, "--clickhouse", s.ClickHouse, "--partitions", strconv.Itoa(s.Partitions), "--telemetry-addr", ""}
	switch name {
	case aggregatorProgram, sagaProgram:
		args = append(args, "--state", f.stateOf(name))
	case projectorsProgram:
		args = append(args, "--database", mainDatabase, "--instance", name)
	case undeclaredProgram:
		args = append(args, "--database", controlDatabase, "--instance", name)
	}
	f.roles[name] = launch(f.t, name, append(args, more...)...)
}

// stateOf is where a role keeps its state.
func (f *fleet) stateOf(name string) string { return filepath.Join(f.state, name) }

// retire stops a role in good order.
func (f *fleet) retire(name string) {
	f.t.Helper()
	f.roles[name].stop(f.t)
	delete(f.roles, name)
}

// die kills a role that has to be alive.
func (f *fleet) die(name string) {
	f.t.Helper()
	if err := f.roles[name].died(); err != nil {
		f.t.Fatal(err)
	}
	f.roles[name].kill()
}

func (f *fleet) killEngine() {
	f.t.Helper()
	if err := f.engine.Kill(); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fleet) startEngine() {
	f.t.Helper()
	var err error
	if f.engine, err = embedded.StartClickHouse(f.t.Context(), f.options); err != nil {
		f.t.Fatal(err)
	}
}

// allLive demands that nothing has ended that nobody killed.
func (f *fleet) allLive() {
	f.t.Helper()
	faults := []error{f.engine.Err()}
	for _, p := range f.roles {
		faults = append(faults, p.died())
	}
	if err := errors.Join(faults...); err != nil {
		f.t.Fatal(err)
	}
}
