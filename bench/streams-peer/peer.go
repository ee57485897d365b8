// Package streamspeer runs the same bank on Kafka Streams: the peer that Recount's aggregator is compared with.
//
// The Java program beside this file takes the same frames from the same topic, applies the same rules to a RocksDB store
// and writes events of the same schemas, exactly once (EOS v2). It is built for speed: frames are read and written field
// by field by Apache Avro's own decoder and encoder, keys are never made strings, and nothing is allocated that can be
// used again. It lacks what Recount does beyond that; [Lacks] says what.
package streamspeer

import (
	"bytes"
	"context"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"recount/bench/maven"
	"recount/domain/bank/account"
	"recount/internal/es"
	"recount/internal/process"
	"recount/internal/serde"
)

//go:embed project *.properties
var files embed.FS

// Lacks is what the peer does not do, and is spared.
const Lacks = "no dedup, no chain, no derived event IDs, refusals not recorded, stops at what it cannot read"

// Settings are Kafka Streams' own, by name, and one more: "jvm", options of the Java machine.
type Settings map[string]string

const jvmSetting = "jvm"

// Tuned returns the best settings that were found.
func Tuned() (Settings, error) { return settingsIn("tuned.properties") }

// Quick returns the best settings that were found for latency.
func Quick() (Settings, error) { return settingsIn("latency.properties") }

// Defaults returns what Kafka Streams ships with, for two cores and exactly once.
func Defaults() (Settings, error) { return settingsIn("defaults.properties") }

func settingsIn(name string) (Settings, error) {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, fmt.Errorf("streams peer: %w", err)
	}
	out := Settings{}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			return nil, fmt.Errorf("streams peer: %s: %q is no setting", name, line)
		}
		out[key] = value
	}
	return out, nil
}

// String lists the settings, for the conditions of a result.
func (s Settings) String() string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(s)) {
		out = append(out, key+"="+s[key])
	}
	return strings.Join(out, " ")
}

// Program is the peer, built.
type Program struct{ java, classPath string }

// Build builds it with Maven where this machine has not built it yet.
func Build(ctx context.Context, progress func(string)) (*Program, error) {
	java, err := maven.Java()
	if err != nil {
		return nil, fmt.Errorf("streams peer: %w", err)
	}
	project, err := fs.Sub(files, "project")
	if err != nil {
		return nil, fmt.Errorf("streams peer: %w", err)
	}
	classPath, err := maven.Project{Name: "streams-peer", Files: project}.ClassPath(ctx, progress)
	if err != nil {
		return nil, fmt.Errorf("streams peer: %w", err)
	}
	return &Program{java, classPath}, nil
}

// Config says how to run it.
type Config struct {
	// Address is the broker's; Application names the consumer group.
	Address, Application string
	// Input and Output are topics.
	Input, Output string
	// Dir keeps its store; it must be there.
	Dir      string
	Settings Settings
	// HeapBytes is the JVM's heap.
	HeapBytes int64
	Codec     *serde.Codec
	// Log receives what it writes; nil: its last lines are kept for messages.
	Log io.Writer
	// OnLine is called with each line it writes; nil: nobody listens.
	OnLine func(line string)
}

// Start starts it. It runs until it is stopped, or breaks.
func (p *Program) Start(c Config) (*process.Process, error) {
	properties, err := c.properties()
	if err != nil {
		return nil, fmt.Errorf("streams peer: %w", err)
	}
	path := filepath.Join(c.Dir, "peer.properties")
	if err := os.WriteFile(path, properties, 0o644); err != nil {
		return nil, fmt.Errorf("streams peer: %w", err)
	}
	heap := strconv.FormatInt(c.HeapBytes>>20, 10) + "m"
	return process.Start(process.Spec{
		Name: "Kafka Streams", Path: p.java, Dir: c.Dir, Log: c.Log, OnLine: c.OnLine,
		// RocksDB unpacks its library into the temporary folder, and leaves it there when it is killed.
		Args: slices.Concat([]string{"-Xms" + heap, "-Xmx" + heap, "-Djava.io.tmpdir=" + c.Dir}, strings.Fields(c.Settings[jvmSetting]),
			[]string{"-cp", p.classPath, "recount.bench.Peer", path}),
	})
}

// properties is the file the program reads.
func (c Config) properties() ([]byte, error) {
	ids, err := schemaIDs(c.Codec)
	if err != nil {
		return nil, err
	}
	all := map[string]string{
		"input": c.Input, "output": c.Output,
		"streams.bootstrap.servers": c.Address, "streams.application.id": c.Application, "streams.state.dir": c.Dir,
		"streams.consumer.auto.offset.reset": "earliest",
	}
	for name, id := range ids {
		all["schema."+name] = strconv.FormatUint(uint64(id), 10)
	}
	for key, value := range c.Settings {
		if key != jvmSetting {
			all["streams."+key] = value
		}
	}
	var out bytes.Buffer
	escape := strings.NewReplacer(`\`, `\\`) // a backslash begins an escape, also in a path
	for _, key := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&out, "%s=%s\n", key, escape.Replace(all[key]))
	}
	return out.Bytes(), nil
}

// schemaIDs finds the IDs of what the peer reads and writes, in frames that the codec makes.
func schemaIDs(codec *serde.Codec) (map[string]uint32, error) {
	out := map[string]uint32{}
	var faults []error
	learn := func(name string, frame []byte, err error) {
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
			return
		}
		out[name] = binary.BigEndian.Uint32(frame[1:serde.HeaderBytes])
	}
	movement := `{"amount":1,"currency":"EUR"}`
	for wire, data := range map[string]string{
		"bank.account.open": `{"customer_id":"c","currency":"EUR"}`, "bank.account.deposit": movement, "bank.account.withdraw": movement,
	} {
		frame, err := codec.CommandFromJSON(wire, es.CommandMeta{CommandID: "c", AggregateID: "a"}, []byte(data))
		learn(wire, frame, err)
	}
	for _, event := range []account.Event{account.AccountOpened{}, account.FundsDeposited{}, account.FundsWithdrawn{}} {
		frame, _, _, err := codec.Context("bank").AppendEvent(nil, account.Type(), &es.Meta{}, event)
		learn(strings.TrimPrefix(fmt.Sprintf("%T", event), "account."), frame, err)
	}
	return out, errors.Join(faults...)
}
