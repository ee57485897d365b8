package clickhouse

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	ch "github.com/ClickHouse/clickhouse-go/v2"

	"recount/internal/certificate"
)

// host is one server.
type host struct {
	protocol ch.Protocol
	secure   bool
	name     string
	address  string
	path     string
	user     *url.Userinfo
}

// hosts reads the servers out of the URL. They must be reached alike: one pool holds the connections to all of them.
func (c Config) hosts() ([]host, error) {
	var out []host
	for text := range strings.SplitSeq(c.URL, ",") {
		h, err := hostOf(strings.TrimSpace(text))
		if err != nil {
			return nil, err
		}
		if len(out) > 0 && !h.alike(out[0]) {
			return nil, errors.New("clickhouse: several servers must have addresses of one kind: the same protocol, path, user and password")
		}
		out = append(out, h)
	}
	return out, nil
}

func hostOf(text string) (host, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" { // the error would tell the password
		return host{}, errors.New("clickhouse: that is no address: give http://host:8123 or tcp://host:9000, or several separated by commas")
	}
	kind, ok := map[string]struct {
		protocol ch.Protocol
		port     string
		secure   bool
	}{
		"http": {ch.HTTP, "8123", false}, "https": {ch.HTTP, "8443", true},
		"tcp": {ch.Native, "9000", false}, "tcps": {ch.Native, "9440", true},
	}[u.Scheme]
	if !ok {
		return host{}, fmt.Errorf("clickhouse: %q: the address must begin with http, https, tcp or tcps", u.Redacted())
	}
	h := host{protocol: kind.protocol, secure: kind.secure, name: u.Hostname(), address: u.Host, path: u.Path, user: u.User}
	if u.Port() == "" {
		h.address = net.JoinHostPort(u.Hostname(), kind.port)
	}
	return h, nil
}

func (h host) alike(other host) bool {
	return h.protocol == other.protocol && h.secure == other.secure && h.path == other.path && h.user.String() == other.user.String()
}

// loopback says whether the server is on this machine for sure.
func (h host) loopback() bool {
	ip, err := netip.ParseAddr(h.name)
	return h.name == "localhost" || err == nil && ip.IsLoopback()
}

// tls is what a server has to prove.
func (c Config) tls() (*tls.Config, error) {
	trusted, err := certificate.Authorities(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("clickhouse: --clickhouse-ca: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: trusted}, nil
}

// address is the URL without passwords.
func (c Config) address() string {
	var out []string
	for text := range strings.SplitSeq(c.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(text))
		if err != nil {
			return "?"
		}
		out = append(out, u.Redacted())
	}
	return strings.Join(out, ",")
}

// local says whether all servers are on this machine.
func local(hosts []host) bool {
	return !slices.ContainsFunc(hosts, func(h host) bool { return !h.loopback() })
}
