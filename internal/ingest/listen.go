package ingest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"recount/internal/certificate"
)

// Listen opens a TCP listener for the server. An address that others can reach is refused, before anything is bound,
// unless there are tokens.
func (s *Server) Listen(ctx context.Context, address string) (net.Listener, error) {
	return Listen(ctx, s.cfg.Tokens, address, s.cfg.Certificate)
}

// Listen opens a TCP listener for what Guard guards, over TLS if a certificate is to be shown. An address that others can reach is
// refused, before anything is bound, unless there are tokens.
func Listen(ctx context.Context, tokens *Tokens, address string, shown certificate.Files) (net.Listener, error) {
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("ingest: listening on %q: %w", address, err)
	}
	if err := mayListen(tokens, resolved); err != nil {
		return nil, err
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", resolved.String())
	if err != nil {
		return nil, fmt.Errorf("ingest: listening on %q: %w", address, err)
	}
	secured, err := shown.Over(ln)
	if err != nil {
		return nil, fmt.Errorf("ingest: --http-cert, --http-key: %w", err)
	}
	return secured, nil
}

// mayListen refuses an address that others can reach while anybody may send.
func mayListen(tokens *Tokens, addr net.Addr) error {
	if tokens != nil || isLoopback(addr) {
		return nil
	}
	return fmt.Errorf("ingest: refusing to listen on %s without authentication: anybody who reaches it would be served; give a token file (--tokens FILE), or listen on 127.0.0.1", addr)
}

func isLoopback(addr net.Addr) bool {
	switch a := addr.(type) {
	case *net.TCPAddr:
		return a.IP.IsLoopback() // not nil either: that is every interface
	case *net.UnixAddr:
		return true
	}
	ap, err := netip.ParseAddrPort(addr.String())
	return err == nil && ap.Addr().IsLoopback()
}

// trustsWithoutToken says whether an anonymous request may be served. It must have come in over loopback, in case the
// handler stands behind a listener that Serve never saw, and it must name a loopback host: a web page that has its own
// name point at 127.0.0.1 (DNS rebinding) would otherwise send commands from a browser on this machine.
func trustsWithoutToken(r *http.Request) bool {
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && !isLoopback(local) {
		return false
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
