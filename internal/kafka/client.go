package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Record is a record as the client reads and writes it: the one type of the client library that others hold. Values
// lent by a poll are valid until the next one.
type Record = kgo.Record

// Header is a record's header.
type Header = kgo.RecordHeader

// Config says how to reach a cluster.
type Config struct {
	// Brokers are some of the cluster's addresses, host:port.
	Brokers []string
	// ClientID names this process in the brokers' logs and quotas.
	ClientID string
	// Dialer replaces the network's; nil: TCP. Tests use a virtual network.
	Dialer func(ctx context.Context, network, host string) (net.Conn, error)
	// Log receives the client's warnings; nil: none.
	Log *slog.Logger
	// Hooks observe the client: metrics and traces.
	Hooks []kgo.Hook

	tls     *tls.Config // by With, as is secured
	secured []kgo.Opt
}

// connectPatience is how long a broker may take to accept a connection, and to show who it is.
const connectPatience = 10 * time.Second

// decompressedBytesMax bounds what one compressed batch may grow to in memory, whatever its sender claims.
const decompressedBytesMax = 256 << 20

func (c Config) options() []kgo.Opt {
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...),
		kgo.MaxDecompressBatchBytes(decompressedBytesMax),
		kgo.Dialer(c.connect),
	}
	if c.ClientID != "" {
		opts = append(opts, kgo.ClientID(c.ClientID))
	}
	if c.Log != nil {
		opts = append(opts, kgo.WithLogger(clientLog{c.Log}))
	}
	if len(c.Hooks) > 0 {
		opts = append(opts, kgo.WithHooks(c.Hooks...))
	}
	return append(opts, c.secured...)
}

// connect makes a connection to a broker: with TLS, one whose broker has shown who it is.
func (c Config) connect(ctx context.Context, network, host string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectPatience)
	defer cancel()
	dial := c.Dialer
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, network, host)
	if err != nil || c.tls == nil {
		return conn, err
	}
	config := c.tls.Clone()
	if config.ServerName, _, err = net.SplitHostPort(host); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return secure, nil
}

// Ping returns nil once a broker answers, or an error that says which addresses were tried.
func (c Config) Ping(ctx context.Context) error {
	cl, err := kgo.NewClient(c.options()...)
	if err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	defer cl.Close()
	if err := cl.Ping(ctx); err != nil {
		return fmt.Errorf("kafka: no broker answers at %v: is it running, is --kafka right, and does it ask for TLS or a login (--kafka-tls, --kafka-sasl)? (%w)", c.Brokers, err)
	}
	return nil
}

// clientLog hands the client's warnings and errors to slog.
type clientLog struct{ log *slog.Logger }

func (l clientLog) Level() kgo.LogLevel { return kgo.LogLevelWarn }

func (l clientLog) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	to := slog.LevelDebug
	switch level {
	case kgo.LogLevelError:
		to = slog.LevelError
	case kgo.LogLevelWarn:
		to = slog.LevelWarn
	}
	l.log.Log(context.Background(), to, "kafka client: "+msg, keyvals...)
}

// IsTimeout reports whether err is the end of a poll's time, which is no fault.
func IsTimeout(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// Durations of sessions and transactions: short, so that what a dead worker leaves behind is over soon.
const (
	TransactionTimeoutDefault = 10 * time.Second
	SessionTimeoutDefault     = 10 * time.Second
)
