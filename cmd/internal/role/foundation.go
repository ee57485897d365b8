package role

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"recount/cmd/internal/cli"
	"recount/domain"
	"recount/internal/certificate"
	"recount/internal/clickhouse"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/serde"
	"recount/internal/telemetry"
	"recount/internal/telemetry/traces"
	"recount/schemas/avro"
)

// Foundation is what the roles of one process share.
type Foundation struct {
	// Name is the program's.
	Name      string
	Services  cli.Services
	Log       *slog.Logger
	Telemetry *telemetry.Telemetry
	// Contexts are all bounded contexts there are.
	Contexts []es.Context
	Codec    *serde.Codec
	Kafka    kafka.Config
	// Traces follow commands on their way; nil: nobody does.
	Traces *traces.Traces

	mu      sync.Mutex
	closers []func() error
}

// Surroundings are what a Foundation is laid in.
type Surroundings struct {
	Name      string
	Services  cli.Services
	Topics    Topics
	Log       *slog.Logger
	Telemetry *telemetry.Telemetry
	// Tracing, if given, says which commands are followed: tools follow none.
	Tracing *cli.Tracing
	// WithoutSchemas is for tools that read no record: no registry is asked, and there is no codec.
	WithoutSchemas bool
}

const (
	pingTimeout = time.Minute // of a broker that listens, and may have much else to do
	// registeringIsLong is when it is said that registering the schemas takes long.
	registeringIsLong = 30 * time.Second
)

// Lay connects to the broker and the registry, registers the schemas and sees to the topics. Close it when the roles
// have ended.
func Lay(ctx context.Context, s Surroundings) (*Foundation, error) {
	f := &Foundation{
		Name: s.Name, Services: s.Services, Log: s.Log, Telemetry: s.Telemetry, Contexts: domain.Contexts(),
		Kafka: kafka.Config{Brokers: s.Services.Kafka, ClientID: "recount-" + s.Name, Log: s.Log, Hooks: s.Telemetry.KafkaHooks()},
	}
	var err error
	if f.Kafka, err = f.Kafka.With(s.Services.KafkaSecurity); err != nil {
		return nil, err
	}
	if err := f.reachKafka(ctx); err != nil {
		return nil, err
	}
	if s.Tracing != nil {
		if err := f.followed(ctx, *s.Tracing); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	if !s.WithoutSchemas {
		if err := f.register(ctx); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	if s.Topics.create(s.Services.Kafka) {
		err := kafka.EnsureTopics(ctx, f.Kafka, f.contextNames(), int32(s.Services.Partitions), s.Topics.replication(s.Services.Kafka))
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return f, nil
}

// reachKafka says within seconds, and in plain words, that no broker is there. The client would try for minutes.
func (f *Foundation) reachKafka(ctx context.Context) error {
	if err := cli.Reach(ctx, "Kafka", "--kafka", f.Services.Kafka...); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	return f.Kafka.Ping(ctx)
}

// register makes the codec whose schemas have the registry's IDs. Each request to the registry has a time limit of its own,
// and all together have none: there are a thousand, and a machine with much else to do answers the last of them as surely
// as the first.
func (f *Foundation) register(ctx context.Context) error {
	catalog, err := serde.NewCatalog(avro.FS, f.Contexts)
	if err != nil {
		return err
	}
	if err := ReachRegistry(ctx, f.Services); err != nil {
		return err
	}
	registry, err := openRegistry(f.Services)
	if err != nil {
		return err
	}
	f.OnClose(func() error { registry.Close(); return nil })
	slow := time.AfterFunc(registeringIsLong, func() {
		f.Log.Warn("registering the schemas takes long, and goes on: the schema registry, or this machine, is busy", "after", registeringIsLong)
	})
	defer slow.Stop()
	f.Codec, err = catalog.Register(ctx, registry, nil)
	return err
}

// openRegistry makes a client of the schema registry. It makes no request.
func openRegistry(s cli.Services) (*serde.Registry, error) {
	trusted, err := certificate.Authorities(s.RegistryCA)
	if err != nil {
		return nil, fmt.Errorf("--registry-ca: %w", err)
	}
	return serde.NewRegistry(s.Registry, serde.WithTLS(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: trusted}))
}

// ReachRegistry returns nil once a schema registry accepts a connection, and else, soon, says why none does.
func ReachRegistry(ctx context.Context, s cli.Services) error {
	addresses, err := hostsOf(s.Registry, registryPorts())
	if err != nil {
		return fmt.Errorf("--registry: %w", err)
	}
	return cli.Reach(ctx, "The schema registry", "--registry", addresses...)
}

// registryPorts and clickHousePorts are what URLs without a port mean.
func registryPorts() map[string]string { return map[string]string{"http": "80", "https": "443"} }

func clickHousePorts() map[string]string {
	return map[string]string{"http": "8123", "https": "8443", "tcp": "9000", "tcps": "9440"}
}

// hostsOf returns the host:port of each URL in a list with commas.
func hostsOf(urls string, ports map[string]string) ([]string, error) {
	var out []string
	for _, text := range strings.Split(urls, ",") {
		u, err := url.Parse(strings.TrimSpace(text))
		if err != nil {
			return nil, errors.New("it is not a URL") // whose text may hold a password
		}
		out = append(out, net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), ports[u.Scheme])))
	}
	return out, nil
}

// Views connects to ClickHouse. The connection is closed with the foundation.
func (f *Foundation) Views(ctx context.Context) (*clickhouse.DB, error) {
	db, err := OpenViews(ctx, f.Services, f.Log)
	if err != nil {
		return nil, err
	}
	f.OnClose(db.Close)
	return db, nil
}

// OpenViews connects to ClickHouse, or says soon that it is not there. The caller closes the connection.
func OpenViews(ctx context.Context, s cli.Services, log *slog.Logger) (*clickhouse.DB, error) {
	addresses, err := hostsOf(s.ClickHouse, clickHousePorts())
	if err != nil {
		return nil, fmt.Errorf("--clickhouse: %w", err)
	}
	if err := cli.Reach(ctx, "ClickHouse", "--clickhouse", addresses...); err != nil {
		return nil, err
	}
	return clickhouse.Open(ctx, clickHouse(s, log))
}

func clickHouse(s cli.Services, log *slog.Logger) clickhouse.Config {
	return clickhouse.Config{
		URL: s.ClickHouse, CAFile: s.ClickHouseCA, Replicated: s.ClickHouseReplicated, Database: s.Database, Log: log,
	}
}

func (f *Foundation) contextNames() []string {
	var out []string
	for _, c := range f.Contexts {
		out = append(out, c.Name)
	}
	return out
}

// Choose returns the contexts called names, or all of them.
func (f *Foundation) Choose(names []string) ([]es.Context, error) {
	if len(names) == 0 {
		return f.Contexts, nil
	}
	var out []es.Context
	for _, c := range f.Contexts {
		if slices.Contains(names, c.Name) {
			out = append(out, c)
		}
	}
	for _, name := range names {
		if !slices.Contains(f.contextNames(), name) {
			return nil, cli.Usagef("--context: there is no context %q; there are: %s", name, strings.Join(f.contextNames(), ", "))
		}
	}
	return out, nil
}

// OnClose has Close call fn, before those that were given earlier.
func (f *Foundation) OnClose(fn func() error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closers = append(f.closers, fn)
}

// Close closes what the roles have opened, the last first. No role may be running.
func (f *Foundation) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for _, fn := range slices.Backward(f.closers) {
		errs = append(errs, fn())
	}
	f.closers = nil
	return errors.Join(errs...)
}
