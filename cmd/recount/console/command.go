package console

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
	"recount/cmd/recount/status"
	"recount/internal/certificate"
	"recount/internal/ingest"
	"recount/internal/telemetry"
	"recount/internal/webconsole"
)

// config is what recount console is told.
type config struct {
	status.Question
	Address     string
	Tokens      string
	Certificate certificate.Files
}

// addressDefault is beside the port of recount up, which has a console of its own.
const addressDefault = "127.0.0.1:8090"

// Flags declares them.
func (c *config) Flags(f *cli.Flags) {
	f.StringVar(&c.Address, "http-addr", c.Address, "`address` to listen on; one that others can reach needs --tokens")
	f.StringVar(&c.Tokens, "tokens", c.Tokens, "`file` of those who may look, as ingest serve has it: a line name:SHA-256 of the token each; empty: whoever is on this machine")
	f.Certificate("http", &c.Certificate)
	c.Question.Flags(f)
}

// Validate returns every fault.
func (c *config) Validate() error {
	return errors.Join(cli.CheckListener("--http-addr", c.Address, "--tokens", c.Tokens), cli.CheckCertificate("http", c.Certificate), c.Question.Validate())
}

// Command returns recount console.
func Command() *cobra.Command {
	cfg := &config{Question: status.Usual(cli.DefaultServices()), Address: addressDefault}
	return cli.Command{
		Use: "console", Short: "Show everything in a browser",
		Long: `
Serves pages for a browser: how everything stands, an aggregate's time line with its state at any version, a saga's path over
its diagram, how far views and rebuilds are, and everything that came of one request. recount up has the same pages at its
own port.

It only reads. What does not answer is told on the page, and the rest is shown: it may be started before the services are.

Without --tokens it serves this machine alone. With them a browser asks for a name and a password: any name, and the token
is the password; programs send Authorization: Bearer TOKEN. Whoever is let in may read everything, personal data included,
so give it a file of its own, and --http-cert and --http-key where others listen to the network. Only /healthz and /readyz
answer anybody: they say that it serves, and nothing else.`,
		Example: `
  recount console
  recount console --kafka broker-1:9092 --clickhouse tcp://clickhouse:9000 --registry http://registry:8081
  recount console --role ingest-0:9102,aggregator-0:9101 --http-addr 0.0.0.0:8090 --tokens /etc/recount/readers`,
		Config: cfg,
		Run:    cfg.run,
	}.Cobra()
}

func (c *config) run(ctx context.Context, in *cli.Process) (err error) {
	var tokens *ingest.Tokens
	if c.Tokens != "" {
		if tokens, err = ingest.ReadTokens(c.Tokens, in.Log); err != nil {
			return err
		}
	}
	ln, err := ingest.Listen(ctx, tokens, c.Address, c.Certificate)
	if err != nil {
		return err
	}
	tool := role.Tool(in, c.Services)
	foundation := role.NewLazy(func(ctx context.Context) (*role.Foundation, error) { return role.Lay(ctx, tool) })
	pages, err := Open(in, func() status.Question { return c.Question }, foundation.Get)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	defer func() {
		err = errors.Join(err, pages.Close(), foundation.Close((*role.Foundation).Close))
	}()
	mux := http.NewServeMux()
	for pattern, h := range pages.Routes() {
		mux.Handle(pattern, ingest.Guard(tokens, h))
	}
	for pattern, h := range probes(in.Name) {
		mux.Handle(pattern, h)
	}
	if _, err := fmt.Fprintf(in.Stdout, "The console is at %s://%s%s; Ctrl-C stops it.\n", c.Certificate.Scheme(), ln.Addr(), webconsole.Path); err != nil {
		return errors.Join(fmt.Errorf("writing where the console is: %w", err), ln.Close())
	}
	return serve(ctx, in.Log, ln, mux)
}

// probes answer whether the console serves, which is all that it takes: what it asks may be away, and its pages say so.
func probes(name string) map[string]http.Handler {
	health := telemetry.New(name)
	health.AddReady("console", func() error { return nil })
	return health.Probes()
}

const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = time.Minute // a page may take long to be made
	idleTimeout   = 2 * time.Minute
	drainTimeout  = 5 * time.Second
	headerBytes   = 32 << 10
)

// serve answers on ln until ctx ends, and then finishes the answers it has begun.
func serve(ctx context.Context, log *slog.Logger, ln net.Listener, h http.Handler) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: headerBytes, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	select {
	case err := <-served:
		return fmt.Errorf("serving the console on %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		return errors.Join(fmt.Errorf("ending the console on %s: %w", ln.Addr(), err), server.Close())
	}
	return nil
}
