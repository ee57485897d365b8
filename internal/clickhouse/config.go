package clickhouse

import (
	"cmp"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
)

// Config says where ClickHouse is and how it is used. Zero fields take their defaults.
type Config struct {
	// URL is http://host:8123, https://host:8443, tcp://host:9000 (native protocol) or tcps://host:9440. A user and a
	// password may stand in it. Several of one kind, separated by commas, are replicas: the first that answers is used.
	URL string
	// CAFile, if given, holds the certificates (PEM) of those who may have signed the server's; else the system's count.
	CAFile string
	// Replicated says that tables are kept on several servers, which agree by a keeper.
	Replicated bool
	// Database holds everything of Recount; it is made where it is missing.
	Database string
	User     string
	Password string
	// ConnectTimeout is how long Open waits for a server that does not answer yet.
	ConnectTimeout time.Duration
	// QueryTimeout bounds every statement but the inserts of ranges, which have deadlines of their own. On the same machine
	// it is LocalTimeoutDefault by default.
	QueryTimeout time.Duration
	// MaxConnections bounds the connections to the server.
	MaxConnections int
	// Log receives what passes by itself; nil: nothing.
	Log *slog.Logger
}

// The defaults of Config.
const (
	DatabaseDefault       = "recount"
	ConnectTimeoutDefault = 2 * time.Minute
	QueryTimeoutDefault   = 30 * time.Second
	// LocalTimeoutDefault takes the place of QueryTimeoutDefault on the same machine, where nothing gets lost on its way: an
	// answer that is late is still being made, by a machine that has much else to do.
	LocalTimeoutDefault   = 2 * time.Minute
	MaxConnectionsDefault = 16
)

func (c Config) withDefaults() Config {
	c.Database = cmp.Or(c.Database, DatabaseDefault)
	c.ConnectTimeout = cmp.Or(c.ConnectTimeout, ConnectTimeoutDefault)
	timeout := QueryTimeoutDefault
	if hosts, err := c.hosts(); err == nil && local(hosts) { // a wrong address is told by who connects
		timeout = LocalTimeoutDefault
	}
	c.QueryTimeout = cmp.Or(c.QueryTimeout, timeout)
	c.MaxConnections = cmp.Or(c.MaxConnections, MaxConnectionsDefault)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// compression is for what goes over a network. To a server on the same machine it would cost more than it saves: both
// sides would pack and unpack, on the same processors, what memory carries many times faster.
func compression(hosts []host) *ch.Compression {
	if local(hosts) {
		return nil
	}
	return &ch.Compression{Method: ch.CompressionLZ4}
}

// The client takes a connection for made once the server has answered a first question on it, and waits as long for one of
// its connections to be free.
const (
	dialTimeout      = 10 * time.Second
	localDialTimeout = time.Minute // see LocalTimeoutDefault
)

func dialPatience(hosts []host) time.Duration {
	if local(hosts) {
		return localDialTimeout
	}
	return dialTimeout
}

// options turns the configuration into the client's, connected to database.
func (c Config) options(database string) (*ch.Options, error) {
	if !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(c.Database) {
		return nil, fmt.Errorf("clickhouse: database %q: use letters, digits and underscores, and no digit first", c.Database)
	}
	hosts, err := c.hosts()
	if err != nil {
		return nil, err
	}
	first := hosts[0]
	o := &ch.Options{
		Protocol: first.protocol, HttpUrlPath: first.path,
		Auth:         ch.Auth{Database: database, Username: c.User, Password: c.Password},
		Compression:  compression(hosts),
		Settings:     c.settings(),
		DialTimeout:  dialPatience(hosts),
		MaxOpenConns: c.MaxConnections, MaxIdleConns: c.MaxConnections,
		// In order: one server decides as long as it is there, and what was just written is read from where it was written.
		ConnOpenStrategy: ch.ConnOpenInOrder,
	}
	for _, h := range hosts {
		o.Addr = append(o.Addr, h.address)
	}
	if first.user != nil {
		o.Auth.Username = first.user.Username()
		o.Auth.Password, _ = first.user.Password()
	}
	if first.secure {
		if o.TLS, err = c.tls(); err != nil {
			return nil, err
		}
		if len(hosts) == 1 { // else each is asked for the name it is dialled by
			o.TLS.ServerName = first.name
		}
	}
	return o, nil
}
