package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"recount/internal/certificate"
)

// Endpoint is where a process's telemetry is served.
type Endpoint struct {
	// Address is host:port; empty: nowhere. One that others can reach needs a TokenFile.
	Address string
	// TokenFile holds the bearer token that /metrics and the reasons in /readyz are given for. Empty: no token.
	TokenFile string
	// Certificate is what those are shown who ask; none: plain HTTP.
	Certificate certificate.Files
	// Log receives what goes wrong with connections; nil: none.
	Log *slog.Logger
}

// Server serves a process's telemetry on a listener of its own.
type Server struct {
	ln   net.Listener // nil: nowhere
	http *http.Server
}

const (
	readTimeout  = 10 * time.Second
	writeTimeout = 30 * time.Second
	idleTimeout  = 2 * time.Minute
	drainTimeout = 5 * time.Second
	headerBytes  = 16 << 10
)

// Listen opens the endpoint, so that an address in use or out of bounds is an error before any work has begun. An
// address that others can reach is refused without a token.
func (t *Telemetry) Listen(ctx context.Context, e Endpoint) (*Server, error) {
	if e.Address == "" {
		return &Server{}, nil
	}
	handler := t.Handler()
	if e.TokenFile != "" {
		token, err := readToken(e.TokenFile)
		if err != nil {
			return nil, err
		}
		handler = token.guard(handler)
	}
	address, err := net.ResolveTCPAddr("tcp", e.Address)
	if err != nil {
		return nil, fmt.Errorf("telemetry address %q: %w", e.Address, err)
	}
	if e.TokenFile == "" && !address.IP.IsLoopback() { // no IP at all is every interface
		return nil, fmt.Errorf("refusing to serve telemetry on %s: %w", e.Address, errNoToken)
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", address.String())
	if err != nil {
		return nil, fmt.Errorf("serving telemetry on %q: %w (--telemetry-addr chooses another address, \"\" turns it off)", e.Address, err)
	}
	if ln, err = e.Certificate.Over(ln); err != nil {
		return nil, fmt.Errorf("serving telemetry: --telemetry-cert, --telemetry-key: %w", err)
	}
	log := e.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Server{ln: ln, http: &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: headerBytes,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}}, nil
}

// Addr is the address that was opened; "" where there is none.
func (s *Server) Addr() string {
	if s.ln == nil {
		return ""
	}
	return s.ln.Addr().String()
}

// Run answers until ctx ends, then finishes the answers it has begun.
func (s *Server) Run(ctx context.Context) error {
	if s.ln == nil {
		<-ctx.Done()
		return nil
	}
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(s.ln) }()
	select {
	case err := <-served:
		return fmt.Errorf("serving telemetry on %s: %w", s.Addr(), err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := s.http.Shutdown(drain); err != nil {
		return errors.Join(fmt.Errorf("ending telemetry on %s: %w", s.Addr(), err), s.http.Close())
	}
	return nil
}

// Close frees the address of a server that was never run.
func (s *Server) Close() error {
	if s.ln == nil {
		return nil
	}
	return s.ln.Close()
}
