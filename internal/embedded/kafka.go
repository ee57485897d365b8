package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"recount/internal/filelock"
)

const kafkaService = "Kafka"

// KafkaOptions says where the embedded broker keeps its topics.
type KafkaOptions struct {
	// DataDir holds topics, groups and transactions; empty keeps them in memory, where a long load takes gigabytes. One
	// instance at a time can use it.
	DataDir string
	// Port to listen on, on 127.0.0.1; 0 picks a free one.
	Port int
	// ListenFn replaces the network, for tests on virtual time (kfake.VirtualNetwork.Listen).
	ListenFn func(network, address string) (net.Listener, error) `json:"-"`
	// CompactInterval is how often compacted topics are compacted without being asked. Default 1 h.
	CompactInterval time.Duration
	// LogWriter gets the broker's errors where it is a process of its own; in this process they go to slog.
	LogWriter io.Writer `json:"-"`
}

// defaultTopicPartitions is what a topic gets that is created without a count.
const defaultTopicPartitions = 12

// Kafka is the embedded broker in this process.
type Kafka struct {
	cluster *kfake.Cluster
	address string
	lock    *filelock.Lock // nil without a folder
	log     *brokerLog
	once    sync.Once
	closed  error
}

// StartKafka starts a broker in this process. It dies with the process; see the package comment for what is lost then.
func StartKafka(o KafkaOptions) (*Kafka, error) {
	k := &Kafka{log: &brokerLog{}}
	listen := listenNamed
	if o.ListenFn != nil {
		listen = o.ListenFn
	}
	options := []kfake.Opt{
		kfake.Ports(o.Port), // one broker
		kfake.ListenFn(listen),
		kfake.DefaultNumPartitions(defaultTopicPartitions),
		kfake.WithLogger(k.log),
		kfake.BrokerConfigs(o.brokerConfigs()),
	}
	if o.DataDir != "" {
		lock, err := lockDataDir(context.Background(), o.DataDir, kafkaService)
		if err != nil {
			return nil, err
		}
		k.lock = lock
		options = append(options, kfake.DataDir(filepath.Join(o.DataDir, "log")))
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the embedded Kafka: %w", err), k.release())
	}
	k.cluster, k.address = cluster, cluster.ListenAddrs()[0]
	return k, nil
}

// brokerConfigs are those in which the embedded broker differs from kfake's defaults. What a production broker needs
// for quick transactions (add.partitions.to.txn.retry.backoff.ms) kfake neither has nor needs: it never makes one wait
// for the markers of the one before.
func (o KafkaOptions) brokerConfigs() map[string]string {
	configs := map[string]string{
		// A data folder that was left alone over the holidays must not have forgotten where its consumers were.
		"offsets.retention.minutes": strconv.Itoa(10 * 365 * 24 * 60),
		// Tests take over from dead members quickly; the usual minimum is 6 s.
		"group.min.session.timeout.ms": "500",
	}
	if o.CompactInterval > 0 {
		configs["log.cleaner.backoff.ms"] = strconv.FormatInt(o.CompactInterval.Milliseconds(), 10)
	}
	return configs
}

// listenNamed is net.Listen with an error a person can act on.
func listenNamed(network, address string) (net.Listener, error) {
	listener, err := net.Listen(network, address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is taken by another program; stop that one or choose another port: %w", address, err)
	}
	return listener, err
}

// Addr is the bootstrap address: host and port.
func (k *Kafka) Addr() string { return k.address }

// Cluster is the broker itself, for tests that look inside it or make it fail.
func (k *Kafka) Cluster() *kfake.Cluster { return k.cluster }

// Compact compacts every compacted topic now. As on a real broker the newest batch of a partition stays as it is.
func (k *Kafka) Compact() { k.cluster.Compact() }

// Close writes everything to the data folder and lets it go. Only then is the folder as a reader would expect it.
func (k *Kafka) Close() error {
	k.once.Do(func() {
		k.cluster.Close()
		k.closed = errors.Join(k.log.failure(), k.release())
	})
	return k.closed
}

func (k *Kafka) release() error {
	if k.lock == nil {
		return nil
	}
	return k.lock.Release()
}

// brokerLog passes the broker's complaints on, and keeps its errors: that is the only way in which it tells that it
// could not write its data.
type brokerLog struct {
	mu     sync.Mutex
	errors []error
}

// maxBrokerErrors bounds what is kept; the first ones tell the reason.
const maxBrokerErrors = 5

// Logf implements kfake.Logger.
func (l *brokerLog) Logf(level kfake.LogLevel, format string, args ...any) {
	switch level {
	case kfake.LogLevelError:
		text := fmt.Sprintf(format, args...)
		slog.Error("embedded Kafka", "message", text)
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.errors) < maxBrokerErrors {
			l.errors = append(l.errors, errors.New("embedded Kafka: "+text))
		}
	case kfake.LogLevelWarn: // how long requests took: nothing that a user of a development broker acts on
		slog.Debug("embedded Kafka", "message", fmt.Sprintf(format, args...))
	}
}

func (l *brokerLog) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.errors...)
}

// ServeKafka runs a broker in this process until ctx ends, as a command of its own would. ready, where given, gets the
// address.
func ServeKafka(ctx context.Context, o KafkaOptions, ready func(address string)) error {
	k, err := StartKafka(o)
	if err != nil {
		return err
	}
	if ready != nil {
		ready(k.Addr())
	}
	<-ctx.Done()
	return k.Close()
}

// StartKafkaProcess starts a broker as a process of its own, which outlives a crash of everything but that process.
func StartKafkaProcess(ctx context.Context, o KafkaOptions) (*Process, error) {
	if o.ListenFn != nil {
		return nil, errors.New("a broker in a process of its own cannot listen on a virtual network")
	}
	return startProcess(ctx, processOptions{service: kafkaService, config: o, log: o.LogWriter})
}

// runKafka is the child.
func runKafka(ctx context.Context, config json.RawMessage, ready func(address string)) error {
	var o KafkaOptions
	if err := json.Unmarshal(config, &o); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	return ServeKafka(ctx, o, ready)
}
