package pipeline

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/local"
)

// Config says where a pipeline keeps its data and what it listens on.
type Config struct {
	// DataDir holds everything that is kept: topics, schemas, tables, states.
	DataDir string
	Ports   Ports
	// Services are systems outside: of one that is empty, the embedded one is started. Database and Partitions are
	// those of the embedded ones too.
	Services cli.Services
	// Tracing says which commands are followed.
	Tracing cli.Tracing

	Log *slog.Logger
	// Progress is told what takes long; nil: nobody is.
	Progress func(message string)
}

// Ports are those to listen on, on 127.0.0.1; 0 is any free one.
type Ports struct{ HTTP, Kafka, ClickHouse, Registry int }

// UsualPorts are those that clients try first.
func UsualPorts() Ports { return Ports{HTTP: 8080, Kafka: 9092, ClickHouse: 8123, Registry: 8081} }

// NewConfig returns a pipeline on embedded services only.
func NewConfig(ports Ports) Config {
	usual := cli.DefaultServices()
	return Config{
		Ports:    ports,
		Services: cli.Services{Database: usual.Database, Partitions: usual.Partitions},
		Tracing:  cli.DefaultTracing(),
		Log:      slog.New(slog.DiscardHandler),
	}
}

// Flags declares them, but for --data, whose default is the command's to choose.
func (c *Config) Flags(f *cli.Flags) {
	f.IntVar(&c.Ports.HTTP, "http-port", c.Ports.HTTP, "`port` for commands over HTTP, the console, /metrics and /readyz; 0: any free one")
	f.IntVar(&c.Ports.Kafka, "kafka-port", c.Ports.Kafka, "`port` of the embedded Kafka; 0: any free one")
	f.IntVar(&c.Ports.ClickHouse, "clickhouse-port", c.Ports.ClickHouse, "`port` of the embedded ClickHouse; 0: any free one")
	f.IntVar(&c.Ports.Registry, "registry-port", c.Ports.Registry, "`port` of the embedded schema registry; 0: any free one")
	f.StringSliceVar(&c.Services.Kafka, "kafka", nil, "`addresses` of brokers to use, host:port, instead of the embedded Kafka")
	f.StringVar(&c.Services.ClickHouse, "clickhouse", "", "`URL` of a ClickHouse to use instead of the embedded one: http://host:8123, or tcp://host:9000 for its own protocol")
	f.StringVar(&c.Services.Registry, "registry", "", "`URL` of a schema registry to use instead of the embedded one")
	f.StringVar(&c.Services.Database, "database", c.Services.Database, "`name` of the database that holds the views")
	f.IntVar(&c.Services.Partitions, "partitions", c.Services.Partitions, "`number` of partitions of each topic, for good: a data folder keeps the number it was made with")
	f.Group("Services", "kafka", "clickhouse", "database", "registry", "partitions")
	c.Tracing.Flags(f)
}

const portMax = 1<<16 - 1

// Validate returns every fault.
func (c *Config) Validate() error {
	var faults []error
	checkPort := func(flag string, port int) {
		if port < 0 || port > portMax {
			faults = append(faults, fmt.Errorf("%s: %d is no port: it must be between 0 (any free one) and %d", flag, port, portMax))
		}
	}
	checkPort("--http-port", c.Ports.HTTP)
	for _, s := range local.All() {
		checkPort(s.PortFlag(), c.Ports.of(s))
	}
	whole := c.reachable(func(local.Service) string { return "127.0.0.1:1" }) // a stand-in: only the rest is in question
	return errors.Join(append(faults, whole.Validate(), c.Tracing.Validate())...)
}

func (p Ports) of(s local.Service) int {
	switch s {
	case local.Kafka:
		return p.Kafka
	case local.ClickHouse:
		return p.ClickHouse
	}
	return p.Registry
}

// isOutside says whether a service is one we are told of.
func (c *Config) isOutside(s local.Service) bool {
	switch s {
	case local.Kafka:
		return len(c.Services.Kafka) > 0
	case local.ClickHouse:
		return c.Services.ClickHouse != ""
	}
	return c.Services.Registry != ""
}

// reachable are the services as a role is told of them: those outside, and the embedded ones at their addresses.
func (c *Config) reachable(address func(local.Service) string) cli.Services {
	s := c.Services
	if !c.isOutside(local.Kafka) {
		s.Kafka = []string{address(local.Kafka)}
	}
	if !c.isOutside(local.ClickHouse) {
		s.ClickHouse = "http://" + address(local.ClickHouse)
	}
	if !c.isOutside(local.Registry) {
		s.Registry = "http://" + address(local.Registry)
	}
	return s
}

// Embedded are the options of the embedded services: of those in start, or of all that are not outside.
func (c *Config) Embedded(start ...local.Service) local.Options {
	o := local.Options{DataDir: c.DataDir, Start: start, Ports: map[local.Service]int{}, Progress: c.Progress}
	for _, s := range local.All() {
		o.Ports[s] = c.Ports.of(s)
		if len(start) == 0 && !c.isOutside(s) {
			o.Start = append(o.Start, s)
		}
	}
	return o
}

// UserDataDir is where a user's data is kept when nobody says otherwise: $XDG_DATA_HOME/recount, by default
// ~/.local/share/recount.
func UserDataDir() (string, error) {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "recount"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("finding a folder for the data (--data names one): %w", err)
	}
	return filepath.Join(home, ".local", "share", "recount"), nil
}
