// Entry is the first process of the Kafka image that docker/kafka/build makes. It keeps the part of the official image's
// contract that tests need: KAFKA_FOO_BAR=x is the broker's setting foo.bar=x, CLUSTER_ID names the cluster,
// KAFKA_HEAP_OPTS sizes the heap, and data that lies in a volume from an earlier start is gone on from.
//
// The broker takes this process's place: a signal to the container is a signal to Kafka.
package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Where the image keeps things.
const (
	java       = "/opt/jre/bin/java"
	classPath  = "/opt/kafka/lib/*"
	logging    = "-Dlog4j2.configurationFile=/opt/kafka/log4j2.yaml"
	properties = "/tmp/server.properties"

	dataDefault    = "/var/lib/kafka/data"
	clusterDefault = "recountTrialBrokerAAAA" // 16 bytes in URL-safe base 64
	heapDefault    = "-Xms192m -Xmx512m"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "kafka:", err)
		os.Exit(1)
	}
}

func run() error {
	settings := brokerSettings(os.Environ())
	if err := os.WriteFile(properties, write(settings), 0o644); err != nil {
		return err
	}
	_, err := os.Stat(filepath.Join(settings["log.dirs"], "meta.properties"))
	if errors.Is(err, fs.ErrNotExist) {
		err = format(cmp.Or(os.Getenv("CLUSTER_ID"), clusterDefault))
	}
	if err != nil {
		return fmt.Errorf("making the data folder: %w", err)
	}
	args := append([]string{java}, strings.Fields(cmp.Or(os.Getenv("KAFKA_HEAP_OPTS"), heapDefault))...)
	return syscall.Exec(java, append(args, jvm("kafka.Kafka", properties)...), os.Environ())
}

func format(cluster string) error {
	tool := exec.Command(java, jvm("kafka.tools.StorageTool", "format", "--ignore-formatted", "--cluster-id", cluster, "--config", properties)...)
	tool.Stdout, tool.Stderr = os.Stdout, os.Stderr
	return tool.Run()
}

// jvm is how a Java program is called that has little to do, and shall be there soon.
func jvm(class string, args ...string) []string {
	return append([]string{"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", logging, "-cp", classPath, class}, args...)
}
