package role

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"strings"
	"time"

	"recount/cmd/internal/cli"
	"recount/internal/certificate"
	"recount/internal/clickhouse"
	"recount/internal/ingest"
	"recount/internal/kafka"
)

// Ingest is the configuration of the role that takes commands over HTTP.
type Ingest struct {
	// Address is host:port; one that others can reach needs Tokens.
	Address string
	// Tokens is a file of bearer tokens; empty: none are needed, and only this machine is served.
	Tokens string
	// Certificate is what callers are shown; none: plain HTTP.
	Certificate certificate.Files
	// Policy is a file that says which commands each name of Tokens may send; empty: all.
	Policy       string
	Contexts     []string
	BodyBytes    int64
	InFlight     int
	WaitMax      time.Duration
	DrainTimeout time.Duration
	// Beside are more handlers, by their ServeMux patterns, for those who may send commands.
	Beside map[string]http.Handler
}

// NewIngest returns the defaults.
func NewIngest() Ingest {
	return Ingest{Address: "127.0.0.1:8080", BodyBytes: 256 << 10, InFlight: 4096, WaitMax: 30 * time.Second, DrainTimeout: 15 * time.Second}
}

// Flags declares them.
func (i *Ingest) Flags(f *cli.Flags) {
	f.StringVar(&i.Address, "http-addr", i.Address, "`address` to listen on; one that others can reach needs --tokens")
	f.Certificate("http", &i.Certificate)
	f.StringVar(&i.Tokens, "tokens", i.Tokens, "`file` of those who may send commands, a line name:SHA-256 of the token each; empty: whoever is on this machine")
	f.StringVar(&i.Policy, "policy", i.Policy, "`file` that says which commands each name of --tokens may send, a line NAME: CONTEXT/AGGREGATE/COMMAND ... each, with * for any; whoever it doesn't name may send none. Empty: everybody may send all")
	f.StringSliceVar(&i.Contexts, "context", i.Contexts, "`contexts` whose commands to take, separated by commas; empty: all")
	f.Int64Var(&i.BodyBytes, "body-bytes", i.BodyBytes, "`bytes` of a request's body at most")
	f.IntVar(&i.InFlight, "in-flight", i.InFlight, "`requests` worked on at a time at most; others are sent away with 429")
	f.DurationVar(&i.WaitMax, "wait-max", i.WaitMax, "`time` a caller may wait for the outcome at most (Prefer: wait)")
	f.DurationVar(&i.DrainTimeout, "drain-timeout", i.DrainTimeout, "`time` to finish what has begun when told to stop")
}

// Validate returns every fault.
func (i *Ingest) Validate() error {
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	faults = append(faults, cli.CheckListener("--http-addr", i.Address, "--tokens", i.Tokens), cli.CheckCertificate("http", i.Certificate))
	check(i.BodyBytes >= 1 && i.BodyBytes <= kafka.RecordBytesMax, "--body-bytes: %d is not between 1 and %d", i.BodyBytes, kafka.RecordBytesMax)
	check(i.Policy == "" || i.Tokens != "", "--policy: it is about names of --tokens, which is missing")
	check(i.InFlight >= 1, "--in-flight: %d requests would serve nobody", i.InFlight)
	check(i.WaitMax > 0, "--wait-max: %v is not a time to wait", i.WaitMax)
	check(i.DrainTimeout > 0, "--drain-timeout: %v is not a time to wait", i.DrainTimeout)
	return errors.Join(faults...)
}

// IngestServer is an ingest role that listens.
type IngestServer struct {
	server *ingest.Server
	ln     net.Listener
}

// Addr is the address it listens on.
func (s *IngestServer) Addr() string { return s.ln.Addr().String() }

// Run takes commands until ctx ends, and then finishes what it has begun.
func (s *IngestServer) Run(ctx context.Context) error { return s.server.Serve(ctx, s.ln) }

// lookupConnect is how long the first question about a command may wait for ClickHouse.
const lookupConnect = 3 * time.Second

// Open connects the server with the broker and the views, and listens. Nobody is answered before it runs.
func (i Ingest) Open(ctx context.Context, f *Foundation) (*IngestServer, error) {
	contexts, err := f.Choose(i.Contexts)
	if err != nil {
		return nil, err
	}
	cfg := ingest.Config{
		Codec: f.Codec, Partitions: int32(f.Services.Partitions), Registerer: f.Telemetry.Registerer(), Tracer: f.Traces.Requests(), Log: f.Log,
		Certificate: i.Certificate, BodyBytesMax: i.BodyBytes, InFlightMax: i.InFlight, WaitMax: i.WaitMax, DrainTimeout: i.DrainTimeout,
	}
	for _, c := range contexts {
		cfg.Contexts = append(cfg.Contexts, c.Name)
	}
	routes := f.Telemetry.Routes()
	if i.Tokens != "" {
		if cfg.Tokens, err = ingest.ReadTokens(i.Tokens, f.Log); err != nil {
			return nil, err
		}
		if i.Policy != "" {
			if cfg.Policy, err = ingest.ReadPolicy(i.Policy); err != nil {
				return nil, err
			}
		}
		routes = f.Telemetry.Probes() // strangers may reach it: they get no more than yes or no
	}
	cfg.Routes = maps.Clone(routes)
	for pattern, h := range i.Beside {
		cfg.Routes[pattern] = ingest.Guard(cfg.Tokens, h)
	}
	if err := i.connect(ctx, f, &cfg); err != nil {
		return nil, err
	}
	return i.listen(ctx, f, cfg)
}

// connect fills in who publishes commands, who reads replies and who looks outcomes up.
func (i Ingest) connect(ctx context.Context, f *Foundation, cfg *ingest.Config) error {
	producer, err := f.producer()
	if err != nil {
		return err
	}
	// A new name each time: an answer to a request of the process before has nobody to go to.
	replies, err := kafka.OpenReplies(ctx, f.Kafka, "ingest-"+strings.ToLower(rand.Text()[:instanceSuffix]))
	if err != nil {
		return err
	}
	f.OnClose(func() error { replies.Close(); return nil })
	db := NewLazy(func(ctx context.Context) (*clickhouse.DB, error) {
		cfg := clickHouse(f.Services, f.Log)
		cfg.ConnectTimeout = lookupConnect
		return clickhouse.Open(ctx, cfg)
	})
	f.OnClose(func() error { return db.Close((*clickhouse.DB).Close) })
	views := &lookup{db}
	cfg.Publisher, cfg.Replies, cfg.Lookup, cfg.Waiter = producer, replies, views, views
	for _, v := range WaitableViews(f.Contexts) {
		cfg.Views = append(cfg.Views, ingest.View(v))
	}
	return nil
}

func (i Ingest) listen(ctx context.Context, f *Foundation, cfg ingest.Config) (*IngestServer, error) {
	server, err := ingest.NewServer(cfg)
	if err != nil {
		return nil, err
	}
	ln, err := server.Listen(ctx, i.Address)
	if err != nil {
		return nil, err
	}
	f.OnClose(func() error {
		if err := ln.Close(); !errors.Is(err, net.ErrClosed) { // a server that ran has closed it
			return err
		}
		return nil
	})
	f.Telemetry.AddReady("ingest", server.Ready)
	f.Log.Info("ingest", "url", cfg.Certificate.Scheme()+"://"+ln.Addr().String(), "contexts", cfg.Contexts)
	return &IngestServer{server, ln}, nil
}
