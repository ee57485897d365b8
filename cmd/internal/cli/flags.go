package cli

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"recount/internal/kafka"
)

// Flags is a command's set of flags. Values present when a flag is declared are its defaults.
type Flags struct{ *pflag.FlagSet }

// groupAnnotation marks the group a flag is shown with in the help.
const groupAnnotation = "recount/group"

// Groups of flags.
const (
	groupOwn     = "Flags" // those in no group: what the command is about
	groupGeneral = "General"
)

// Group shows the named flags together in the help, under title.
func (f *Flags) Group(title string, names ...string) {
	for _, n := range names {
		if err := f.SetAnnotation(n, groupAnnotation, []string{title}); err != nil {
			panic(err) // n was declared a line above
		}
	}
}

// Services are the systems that a role works with.
type Services struct {
	Kafka []string
	// KafkaSecurity is how Kafka is logged in to.
	KafkaSecurity kafka.Security
	ClickHouse    string
	// ClickHouseCA is a file with the certificates of those who may have signed ClickHouse's; empty: the system's.
	ClickHouseCA string
	// ClickHouseReplicated says that every table is kept on several servers.
	ClickHouseReplicated bool
	Registry             string
	// RegistryCA is a file with the certificates of those who may have signed the schema registry's; empty: the system's.
	RegistryCA string
	Database   string
	// Partitions is how many each of a context's topics has: an epoch, the same for everybody.
	Partitions int
}

// partitionsMax is far beyond sense, and keeps a slip from asking a broker for a billion.
const partitionsMax = 10_000

// DefaultServices are those that recount up starts on this machine.
func DefaultServices() Services {
	return Services{
		Kafka: []string{"127.0.0.1:9092"}, ClickHouse: "http://127.0.0.1:8123", Registry: "http://127.0.0.1:8081",
		Database: "recount", Partitions: 12,
	}
}

// Flags declares them.
func (s *Services) Flags(f *Flags) {
	f.StringSliceVar(&s.Kafka, "kafka", s.Kafka, "`addresses` of some brokers, host:port, separated by commas")
	s.kafkaFlags(f)
	f.StringVar(&s.ClickHouse, "clickhouse", s.ClickHouse, "`URL` of ClickHouse: http://host:8123, or tcp://host:9000 for its own protocol; https and tcps with TLS. Several separated by commas are replicas: the first that answers is used")
	f.StringVar(&s.ClickHouseCA, "clickhouse-ca", s.ClickHouseCA, "`file` with the certificates (PEM) of those who may have signed ClickHouse's; empty: the system's")
	f.BoolVar(&s.ClickHouseReplicated, "clickhouse-replicated", s.ClickHouseReplicated, "keep every table on all replicas; the servers need a keeper, and the macros {shard} and {replica}")
	f.StringVar(&s.Database, "database", s.Database, "`name` of the database that holds the views")
	f.StringVar(&s.Registry, "registry", s.Registry, "`URL` of the schema registry, or several separated by commas; https with TLS")
	f.StringVar(&s.RegistryCA, "registry-ca", s.RegistryCA, "`file` with the certificates (PEM) of those who may have signed the registry's; empty: the system's")
	f.IntVar(&s.Partitions, "partitions", s.Partitions, "`number` of partitions of each topic; the topics must have been made with it")
	f.Group("Services", "kafka", "kafka-tls", "kafka-ca", "kafka-cert", "kafka-key", "kafka-sasl", "kafka-user", "kafka-password", "clickhouse", "clickhouse-ca", "clickhouse-replicated", "database", "registry", "registry-ca", "partitions")
}

// kafkaFlags declares how Kafka is logged in to.
func (s *Services) kafkaFlags(f *Flags) {
	k := &s.KafkaSecurity
	f.BoolVar(&k.TLS, "kafka-tls", k.TLS, "reach Kafka over TLS")
	f.StringVar(&k.CAFile, "kafka-ca", k.CAFile, "`file` with the certificates (PEM) of those who may have signed the brokers'; empty: the system's")
	f.StringVar(&k.CertFile, "kafka-cert", k.CertFile, "`file` with the certificate (PEM) to show brokers that ask for one")
	f.StringVar(&k.KeyFile, "kafka-key", k.KeyFile, "`file` with the key (PEM) of that certificate")
	f.StringVar(&k.Mechanism, "kafka-sasl", k.Mechanism, "`mechanism` to log in to Kafka by: "+strings.Join(kafka.Mechanisms(), ", ")+"; empty: nobody logs in")
	f.StringVar(&k.User, "kafka-user", k.User, "`name` to log in to Kafka with")
	f.StringVar(&k.PasswordFile, "kafka-password", k.PasswordFile, "`file` whose first line is the password; it is read again for every connection, so that it can be replaced")
}

// Validate returns every fault.
func (s *Services) Validate() error {
	faults := []error{s.KafkaSecurity.Validate()}
	if len(s.Kafka) == 0 {
		faults = append(faults, errors.New("--kafka: at least one broker is needed"))
	}
	for _, address := range s.Kafka {
		if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
			faults = append(faults, fmt.Errorf("--kafka: %q is not host:port", address))
		}
	}
	for _, u := range strings.Split(s.ClickHouse, ",") {
		faults = append(faults, checkURL("--clickhouse", strings.TrimSpace(u), "http", "https", "tcp", "tcps"))
	}
	for _, u := range strings.Split(s.Registry, ",") {
		faults = append(faults, checkURL("--registry", strings.TrimSpace(u), "http", "https"))
	}
	if s.Partitions < 1 || s.Partitions > partitionsMax {
		faults = append(faults, fmt.Errorf("--partitions: %d is not between 1 and %d", s.Partitions, partitionsMax))
	}
	if s.Database == "" {
		faults = append(faults, errors.New("--database: a name is needed"))
	}
	return errors.Join(faults...)
}

func checkURL(flag, text string, schemes ...string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return fmt.Errorf("%s: %q is not a URL such as %s://host:port", flag, text, schemes[0])
	}
	if slices.Contains(schemes, u.Scheme) {
		return nil
	}
	return fmt.Errorf("%s: %q begins with none of %v", flag, text, schemes)
}
