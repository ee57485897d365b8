package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Limits on what a connection may do before it has sent a whole request: slow ones must not pile up.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	writeSlack        = 30 * time.Second
	headerBytesMax    = 32 << 10
)

// Run hands replies to the callers who wait for them, until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	if s.cfg.Replies == nil {
		<-ctx.Done()
		return nil
	}
	err := s.cfg.Replies.Run(ctx, func(address string, value []byte) {
		s.metrics.replied(s.waiters.deliver(address, value))
	})
	if err != nil {
		return fmt.Errorf("ingest: reading replies: %w", err)
	}
	return nil
}

// Ready is nil while the server takes commands.
func (s *Server) Ready() error {
	switch {
	case isClosed(s.draining):
		return errors.New("ingest: shutting down")
	case !s.serving.Load():
		return errors.New("ingest: not serving yet")
	}
	return nil
}

// Serve answers requests on ln, and runs Run, until ctx ends. Then it drains: it accepts nothing new, finishes what it
// has begun and flushes the publisher, all within DrainTimeout; requests that wait for an outcome are told where to ask
// for it after half of that. A Server serves once. ln is closed in any case.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	if err := mayListen(s.cfg.Tokens, ln.Addr()); err != nil {
		return errors.Join(err, ln.Close())
	}
	if !s.serving.CompareAndSwap(false, true) {
		return errors.Join(errors.New("ingest: this server has served already"), ln.Close())
	}
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      readTimeout + s.cfg.AckTimeout + s.cfg.WaitMax + writeSlack,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerBytesMax,
		ErrorLog:          slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelWarn),
	}
	// Replies must still arrive while the requests that wait for them are finished: their loop ends after those.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	replies, served := make(chan error, 1), make(chan error, 1)
	go func() { replies <- s.Run(running) }()
	go func() { served <- server.Serve(ln) }()

	var err error
	repliesEnded := false
	select {
	case <-ctx.Done():
		err = s.drain(server)
	case err = <-served:
		err = fmt.Errorf("ingest: serving on %s: %w", ln.Addr(), err)
	case err = <-replies:
		repliesEnded = true
		err = errors.Join(err, s.drain(server))
	}
	stop()
	if !repliesEnded {
		err = errors.Join(err, <-replies)
	}
	return err
}

// drain ends server gracefully. In this order: no new commands on the connections that are open, then no new
// connections; what has begun is finished; the publisher is flushed, because a caller may have gone without waiting for
// the acknowledgement of a command that is still on its way.
func (s *Server) drain(server *http.Server) error {
	close(s.draining)
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.DrainTimeout)
	defer cancel()
	hurry := time.AfterFunc(s.cfg.DrainTimeout/2, func() { close(s.hurry) })
	defer hurry.Stop()
	var errs []error
	if err := server.Shutdown(ctx); err != nil {
		errs = append(errs, fmt.Errorf("ingest: %d requests were cut off, because they were not finished within %v: %w", s.load.inFlight(), s.cfg.DrainTimeout, err), server.Close())
	}
	if err := s.cfg.Publisher.Flush(ctx); err != nil {
		errs = append(errs, fmt.Errorf("ingest: commands may not have been published; their callers were not told that they were: %w", err))
	}
	return errors.Join(errs...)
}
