package traces

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Config says what is followed and who is told.
type Config struct {
	// Service names the program: service.name, unless OTEL_SERVICE_NAME says otherwise. Version is the program's.
	Service, Version string
	// To is the URL of a collector; spans go to v1/traces below it. Empty: that of OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or
	// OTEL_EXPORTER_OTLP_ENDPOINT, and without these nothing is followed. The other variables OTEL_EXPORTER_OTLP_… (headers,
	// certificate, compression, timeout) count in any case.
	To string
	// Share of the requests is followed that come without a word on it, 0 to 1; those with a traceparent say themselves.
	Share float64
	// AgeMax is how old a record may be to be followed on; 0: AgeMaxDefault. Negative: however old.
	AgeMax time.Duration
	// Every is how often spans are sent; 0: as OTEL_BSP_SCHEDULE_DELAY says, by default every 5 s.
	Every time.Duration
	// Patience bounds the last sending, when the process ends; 0: PatienceDefault.
	Patience time.Duration
	// Observer, if given, is told what becomes of the spans.
	Observer Observer
	Log      *slog.Logger
}

const (
	// AgeMaxDefault is far above what a record waits for, and far below what a log holds that is read again.
	AgeMaxDefault = 10 * time.Minute
	// PatienceDefault leaves a supervisor's usual grace to what the roles themselves have to finish.
	PatienceDefault = 5 * time.Second
)

// Traces follows what its parts are told of. A nil one follows nothing. It is safe for concurrent use.
type Traces struct {
	cfg      Config
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	w3c      propagation.TraceContext
	out      *outlet
	cut      context.CancelFunc // ends what is being sent
}

// scope names who makes the spans.
const scope = "recount"

// Open begins to follow, or returns nil where no collector is named. It does not connect: that a collector is not there
// shows in the log and in the metrics, and stops nothing.
func Open(ctx context.Context, cfg Config) (*Traces, error) {
	endpoint, err := collector(cfg.To)
	if err != nil || endpoint == "" {
		return nil, err
	}
	if cfg.AgeMax == 0 {
		cfg.AgeMax = AgeMaxDefault
	}
	if cfg.Patience == 0 {
		cfg.Patience = PatienceDefault
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Observer == nil {
		cfg.Observer = unobserved{}
	}
	var options []otlptracehttp.Option
	if cfg.To != "" {
		options = append(options, otlptracehttp.WithEndpointURL(endpoint))
	}
	client, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("traces: a client of the collector: %w", err)
	}
	of, err := describe(ctx, cfg)
	if err != nil {
		return nil, errors.Join(err, client.Shutdown(ctx))
	}
	life, cut := context.WithCancel(context.WithoutCancel(ctx))
	out := newOutlet(life, client, cfg)
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(out.queue(cfg.Every)),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(cfg.Share))),
		sdktrace.WithResource(of))
	cfg.Log.Info("traces", "collector", redacted(endpoint), "share", cfg.Share)
	return &Traces{cfg: cfg, provider: provider, tracer: provider.Tracer(scope), out: out, cut: cut}, nil
}

const tracesPath = "/v1/traces"

// collector is where spans go; "" where nobody is named. A protocol that is not spoken here is refused before it fails in
// the dark.
func collector(to string) (string, error) {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return "", nil
	}
	endpoint := os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	if base := os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"); endpoint == "" && base != "" {
		endpoint = strings.TrimSuffix(base, "/") + tracesPath
	}
	if to != "" {
		endpoint = strings.TrimSuffix(strings.TrimSuffix(to, "/"), tracesPath) + tracesPath
	}
	protocol := os.Getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
	if protocol == "" {
		protocol = os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL")
	}
	if endpoint != "" && protocol != "" && protocol != "http/protobuf" {
		return "", fmt.Errorf("traces: OTEL_EXPORTER_OTLP_PROTOCOL is %q, and only http/protobuf is spoken here: name the collector's HTTP port (4318 as collectors come) and set the variable so", protocol)
	}
	return endpoint, nil
}

// redacted is a URL without its password, which belongs into OTEL_EXPORTER_OTLP_HEADERS anyway.
func redacted(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return "not a URL"
	}
	return u.Redacted()
}

// describe says who makes the spans. What the variables say (OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES) comes last, and
// so goes first.
func describe(ctx context.Context, cfg Config) (*resource.Resource, error) {
	of, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", cfg.Service), attribute.String("service.version", cfg.Version)),
		resource.WithHost(), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("traces: describing this process (OTEL_RESOURCE_ATTRIBUTES): %w", err)
	}
	return of, nil
}

// Provider makes the spans of a client that does so itself; nil where nothing is followed.
func (t *Traces) Provider() trace.TracerProvider {
	if t == nil {
		return nil
	}
	return t.provider
}

// Close sends what was not sent yet, for as long as Config.Patience says, and ends. What reaches nobody by then is lost,
// and no fault of the process.
func (t *Traces) Close() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), t.cfg.Patience)
	defer cancel()
	stop := context.AfterFunc(ctx, t.cut)
	defer stop()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.cfg.Log.Warn("the last spans did not reach the collector", "cause", err)
	}
	t.cut()
	<-t.out.ended // the processor sends on a goroutine of its own, which was cut off if it had to be
}
