package role

import (
	"context"
	"errors"
	"log/slog"

	"recount/cmd/internal/cli"
	"recount/internal/telemetry"
)

// Process is the part of the configuration that all programs with a role share.
type Process struct {
	Services  cli.Services
	Topics    Topics
	Telemetry cli.Telemetry
	Tracing   cli.Tracing
}

// NewProcess returns the defaults: everything on this machine. Each program shows its telemetry on a port of its own, so
// that they run beside each other.
func NewProcess(telemetryAddress string) Process {
	return Process{Services: cli.DefaultServices(), Topics: DefaultTopics(), Telemetry: cli.Telemetry{Address: telemetryAddress}, Tracing: cli.DefaultTracing()}
}

// Telemetry's addresses of the programs.
const (
	AggregatorTelemetry = "127.0.0.1:9101"
	IngestTelemetry     = "127.0.0.1:9102"
	ProjectorsTelemetry = "127.0.0.1:9103"
	SagaTelemetry       = "127.0.0.1:9104"
)

// Flags declares them.
func (p *Process) Flags(f *cli.Flags) {
	p.Topics.Flags(f)
	p.Services.Flags(f)
	p.Telemetry.Flags(f)
	p.Tracing.Flags(f)
}

// Validate returns every fault.
func (p *Process) Validate() error {
	return errors.Join(p.Topics.Validate(), p.Services.Validate(), p.Telemetry.Validate(), p.Tracing.Validate())
}

// Endpoint is where telemetry is served that t tells of.
func Endpoint(t cli.Telemetry, log *slog.Logger) telemetry.Endpoint {
	return telemetry.Endpoint{Address: t.Address, TokenFile: t.TokenFile, Certificate: t.Certificate, Log: log}
}

// Role is a part of a process, opened and not yet running.
type Role interface {
	// Run works until ctx ends, and then stops in order.
	Run(ctx context.Context) error
}

// Make opens a role on a foundation.
type Make func(ctx context.Context, f *Foundation) (Role, error)

// Of makes a Make of a role's Open: role.Of(cfg.Aggregator.Open).
func Of[R Role](open func(context.Context, *Foundation) (R, error)) Make {
	return func(ctx context.Context, f *Foundation) (Role, error) { return open(ctx, f) }
}

// Run shows the process's health from its first moment on, lays its foundation, opens every role, and runs them until
// ctx ends or one of them does.
func (p *Process) Run(ctx context.Context, in *cli.Process, roles ...Make) error {
	tel := telemetry.New(in.Name)
	server, err := tel.Listen(ctx, Endpoint(p.Telemetry, in.Log))
	if err != nil {
		return err
	}
	if at := server.Addr(); at != "" {
		in.Log.Info("telemetry", "url", p.Telemetry.Certificate.Scheme()+"://"+at+"/metrics")
	}
	return cli.RunAll(ctx, server.Run, func(ctx context.Context) (err error) {
		f, err := Lay(ctx, Surroundings{Name: in.Name, Services: p.Services, Topics: p.Topics, Log: in.Log, Telemetry: tel, Tracing: &p.Tracing})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		return RunAll(ctx, f, roles...)
	})
}

// RunAll opens every role on f, and then runs them until ctx ends or one of them does. None begins before all are open:
// neither is work taken that nobody can finish, nor does /readyz know only half of them.
func RunAll(ctx context.Context, f *Foundation, roles ...Make) error {
	var run []func(context.Context) error
	for _, open := range roles {
		r, err := open(ctx, f)
		if err != nil {
			return err
		}
		run = append(run, r.Run)
	}
	return cli.RunAll(ctx, run...)
}

// Tool is where a command stands that does one piece of work: it makes no topics and shows no telemetry.
func Tool(in *cli.Process, s cli.Services) Surroundings {
	return Surroundings{Name: in.Name, Services: s, Topics: Topics{Create: "false"}, Log: in.Log, Telemetry: telemetry.New(in.Name)}
}

// Do lays a foundation for one piece of work.
func (s Surroundings) Do(ctx context.Context, do func(ctx context.Context, f *Foundation) error) (err error) {
	f, err := Lay(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return do(ctx, f)
}

// With is Do for a tool that reads records.
func With(ctx context.Context, in *cli.Process, s cli.Services, do func(ctx context.Context, f *Foundation) error) error {
	return Tool(in, s).Do(ctx, do)
}
