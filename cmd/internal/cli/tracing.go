package cli

import (
	"errors"
	"fmt"
	"net/url"
)

// Tracing says which commands are followed on their way, and who is told.
type Tracing struct {
	// To is the URL of a collector; empty: what the standard variables name, or nobody.
	To string
	// Share of the requests that begin a trace.
	Share float64
}

// traceShareDefault is one request in a hundred: enough to see where time goes, at a cost that nobody notices.
const traceShareDefault = 0.01

// DefaultTracing follows nothing until a collector is named, by a flag or a variable.
func DefaultTracing() Tracing { return Tracing{Share: traceShareDefault} }

// Flags declares them.
func (t *Tracing) Flags(f *Flags) {
	f.StringVar(&t.To, "traces-to", t.To, "`URL` of a collector of traces that speaks OpenTelemetry's protocol over HTTP, such as http://localhost:4318. Empty: the one of OTEL_EXPORTER_OTLP_ENDPOINT, and without that none. Headers, certificates and timeouts are those of the other OTEL_EXPORTER_OTLP_ variables")
	f.Float64Var(&t.Share, "trace-share", t.Share, "`share` of the requests, 0 to 1, that are followed from HTTP to the views. One whose caller sends a traceparent says itself whether it is")
	f.Group("Telemetry", "traces-to", "trace-share")
}

// Validate returns every fault.
func (t *Tracing) Validate() error {
	var faults []error
	if t.To != "" {
		faults = append(faults, checkURL("--traces-to", t.To, "http", "https"))
		if u, err := url.Parse(t.To); err == nil && u.User != nil {
			faults = append(faults, errors.New("--traces-to: a name and a password are sent by nobody from there: put them into OTEL_EXPORTER_OTLP_HEADERS"))
		}
	}
	if !(t.Share >= 0 && t.Share <= 1) { // NaN is neither
		faults = append(faults, fmt.Errorf("--trace-share: %v is not between 0 and 1", t.Share))
	}
	return errors.Join(faults...)
}
