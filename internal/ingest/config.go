package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"recount/internal/certificate"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/serde"
)

// Publisher publishes commands. *kafka.Producer is one.
type Publisher interface {
	// TryProduce publishes c, or returns kafka.ErrOverloaded or kafka.ErrTooLarge at once. done is called once, by a
	// goroutine it must not block, unless TryProduce returned an error.
	TryProduce(c kafka.Command, done func(partition int32, offset int64, err error)) error
	// Flush waits until everything produced so far has been acknowledged or has failed.
	Flush(ctx context.Context) error
}

// Replies reads the replies addressed to this instance. *kafka.Replies is one.
type Replies interface {
	// Instance is the part of an address, up to a slash, that leads replies here.
	Instance() string
	// Run hands over each reply, by what follows the slash, until ctx ends. The values are the callee's to keep.
	Run(ctx context.Context, deliver func(address string, value []byte)) error
}

// CommandKey names one command.
type CommandKey struct{ Context, Aggregate, ID, CommandID string }

// Lookup finds what became of a command in the views.
type Lookup interface {
	// Command returns the outcome recorded for key; false: the views don't know it, or not yet.
	Command(ctx context.Context, key CommandKey) (Result, bool, error)
}

// View is what callers can wait for: one that shows events.
type View struct {
	Name string
	// Contexts are those whose events it shows.
	Contexts []string
}

// ViewWaiter knows how far the views are.
type ViewWaiter interface {
	// WaitFor returns nil once view has everything up to at. An error that wraps ctx's says how far it is.
	WaitFor(ctx context.Context, view string, at es.Position) error
}

// Config is what a Server is made of. Publisher, Codec, Contexts and Partitions must be given.
type Config struct {
	Codec *serde.Codec
	// Contexts are the names of the bounded contexts whose commands are taken. The codec must know them.
	Contexts []string
	// Partitions is the epoch's partition count of every context's topics.
	Partitions int32
	Publisher  Publisher
	// Replies, if given, lets callers wait (Prefer: wait). Without it they are answered with 202 at once.
	Replies Replies
	// Lookup, if given, answers the address of a command. Without it, that address answers 503.
	Lookup Lookup
	// Views are those that Waiter, if given, knows. Without it, whoever waits for a view is answered with 503.
	Views  []View
	Waiter ViewWaiter
	// Tokens, if given, are needed by every request. Without them only loopback is served.
	Tokens *Tokens
	// Certificate is what Listen's listeners show.
	Certificate certificate.Files
	// Policy, if given, says which commands each name of Tokens may send.
	Policy *Policy
	// Routes are more handlers by their ServeMux patterns, such as "/healthz": served without a token, so add only what
	// everybody may see who can reach the listener.
	Routes map[string]http.Handler
	// Registerer takes the server's metrics; nil: none.
	Registerer prometheus.Registerer
	// Tracer, if given, follows some of the requests. Without it, a request's trace headers are passed on as they are.
	Tracer Tracer
	// Log receives what went wrong on our side; nil: none.
	Log *slog.Logger

	// BodyBytesMax bounds a request's body. Default 256 KiB; a command must fit into a record anyway.
	BodyBytesMax int64
	// InFlightMax bounds the requests being worked on, those that wait for their outcome included. Default 4096.
	InFlightMax int
	// InFlightBytesMax bounds their bodies; one sent without a length counts as BodyBytesMax. Default 64 MiB.
	InFlightBytesMax int64
	// AckTimeout is how long a request waits for the broker's acknowledgement before it is told that nobody knows.
	// Keep it above the producer's delivery timeout, which knows more. Default 15 s.
	AckTimeout time.Duration
	// WaitMax caps what a caller may ask for in Prefer: wait. Default 30 s.
	WaitMax time.Duration
	// DrainTimeout bounds the graceful stop. Requests still waiting for an outcome are told to ask later after half of
	// it. Keep it below what the process's supervisor grants. Default 15 s.
	DrainTimeout time.Duration
}

const (
	bodyBytesDefault     = 256 << 10
	inFlightDefault      = 4096
	inFlightBytesDefault = 64 << 20
	ackTimeoutDefault    = 15 * time.Second
	waitDefault          = 30 * time.Second
	drainTimeoutDefault  = 15 * time.Second
)

// complete fills in defaults and reports everything that is wrong at once.
func (c *Config) complete() error {
	c.BodyBytesMax = cmp.Or(c.BodyBytesMax, bodyBytesDefault)
	c.InFlightMax = cmp.Or(c.InFlightMax, inFlightDefault)
	c.InFlightBytesMax = cmp.Or(c.InFlightBytesMax, max(inFlightBytesDefault, c.BodyBytesMax))
	c.AckTimeout = cmp.Or(c.AckTimeout, ackTimeoutDefault)
	c.WaitMax = cmp.Or(c.WaitMax, waitDefault)
	c.DrainTimeout = cmp.Or(c.DrainTimeout, drainTimeoutDefault)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf("ingest: "+format, args...))
		}
	}
	check(c.Codec != nil && c.Publisher != nil, "a codec and a publisher are needed")
	check(len(c.Contexts) > 0 && !slices.Contains(c.Contexts, ""), "at least one context is needed, and each needs a name")
	check(c.Partitions > 0, "the partition count is %d, and must be positive", c.Partitions)
	check(c.BodyBytesMax > 0 && c.BodyBytesMax <= kafka.RecordBytesMax, "the largest body is %d bytes, and must be between 1 and %d", c.BodyBytesMax, kafka.RecordBytesMax)
	check(c.InFlightMax > 0, "the bound on commands in flight is %d, and must be positive", c.InFlightMax)
	check(c.InFlightBytesMax >= c.BodyBytesMax, "the bound on bytes in flight is %d, less than one body of %d", c.InFlightBytesMax, c.BodyBytesMax)
	check(c.AckTimeout > 0 && c.DrainTimeout > 0, "timeouts must be positive")
	check(c.WaitMax >= time.Second, "callers may wait for at most %v, and must be allowed a second", c.WaitMax)
	check(c.Replies == nil || c.Replies.Instance() != "" && !strings.Contains(c.Replies.Instance(), "/"), "an instance's name must not be empty or hold a slash")
	return errors.Join(faults...)
}
