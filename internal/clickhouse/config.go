package clickhouse

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
)

// Config says where ClickHouse is and how it is used. Zero fields take their defaults.
type Config struct {
	// URL is http://host:8123, https://host:8443, tcp://host:9000 (native protocol) or tcps://host:9440. A user and a
	// password may stand in it.
	URL string
	// Database holds everything of Recount; it is made where it is missing.
	Database string
	User     string
	Password string
	// ConnectTimeout is how long Open waits for a server that does not answer yet.
	ConnectTimeout time.Duration
	// QueryTimeout bounds every statement but the inserts of ranges, which have deadlines of their own.
	QueryTimeout time.Duration
	// MaxConnections bounds the connections to the server.
	MaxConnections int
	// Log receives what passes by itself; nil: nothing.
	Log *slog.Logger
}

// The defaults of Config.
const (
	DatabaseDefault       = "recount"
	ConnectTimeoutDefault = 30 * time.Second
	QueryTimeoutDefault   = 30 * time.Second
	MaxConnectionsDefault = 16
)

func (c Config) withDefaults() Config {
	if c.Database == "" {
		c.Database = DatabaseDefault
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = ConnectTimeoutDefault
	}
	if c.QueryTimeout == 0 {
		c.QueryTimeout = QueryTimeoutDefault
	}
	if c.MaxConnections == 0 {
		c.MaxConnections = MaxConnectionsDefault
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// options turns the configuration into the client's, connected to database.
func (c Config) options(database string) (*ch.Options, error) {
	if !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(c.Database) {
		return nil, fmt.Errorf("clickhouse: database %q: use letters, digits and underscores, and no digit first", c.Database)
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" {
		return nil, errors.Join(fmt.Errorf("clickhouse: %q is no address: give http://host:8123 or tcp://host:9000", c.URL), err)
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
		return nil, fmt.Errorf("clickhouse: %q: the address must begin with http, https, tcp or tcps", c.URL)
	}
	o := &ch.Options{
		Protocol: kind.protocol, Addr: []string{u.Host}, HttpUrlPath: u.Path,
		Auth:         ch.Auth{Database: database, Username: c.User, Password: c.Password},
		Compression:  &ch.Compression{Method: ch.CompressionLZ4},
		DialTimeout:  10 * time.Second,
		MaxOpenConns: c.MaxConnections, MaxIdleConns: c.MaxConnections,
	}
	if u.Port() == "" {
		o.Addr = []string{net.JoinHostPort(u.Hostname(), kind.port)}
	}
	if u.User != nil {
		o.Auth.Username = u.User.Username()
		o.Auth.Password, _ = u.User.Password()
	}
	if kind.secure {
		o.TLS = &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	}
	return o, nil
}
