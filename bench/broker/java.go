package broker

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"recount/bench/maven"
)

//go:embed kafka log4j2.yaml
var files embed.FS

// Version is the broker's, as its POM pins it.
const Version = "4.3.1"

const (
	logFile        = "log4j2.yaml"
	propertiesFile = "server.properties"
	formatTimeout  = time.Minute
	// clusterID is the same for every one: 16 bytes in URL-safe base 64, as Kafka wants them.
	clusterID = "recountTrialBrokerAAAA"
)

// installation is Kafka on this machine.
type installation struct{ java, classPath string }

func install(ctx context.Context, progress func(string)) (installation, error) {
	java, err := maven.Java()
	if err != nil {
		return installation{}, err
	}
	project, err := fs.Sub(files, "kafka")
	if err != nil {
		return installation{}, err
	}
	classPath, err := maven.Project{Name: "kafka", Files: project}.ClassPath(ctx, progress)
	return installation{java, classPath}, err
}

// format makes the node's data folder, unless it has one from an earlier start.
func (i installation) format(ctx context.Context, dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "data", "meta.properties")); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, formatTimeout)
	defer cancel()
	format := exec.CommandContext(ctx, i.java, "-Xmx128m", "-XX:TieredStopAtLevel=1", i.logging(dir), "-cp", i.classPath,
		"kafka.tools.StorageTool", "format", "--cluster-id", clusterID, "--config", filepath.Join(dir, propertiesFile))
	if out, err := format.CombinedOutput(); err != nil {
		return fmt.Errorf("format the data folder: %w\n%s", errors.Join(err, ctx.Err()), out)
	}
	return nil
}

func (i installation) logging(dir string) string {
	return "-Dlog4j2.configurationFile=" + filepath.Join(dir, logFile)
}

// command is the broker's, with the collector settings of its own start script.
func (i installation) command(dir string, heapBytes int64) []string {
	heap := fmt.Sprintf("%dm", heapBytes>>20)
	return []string{
		"-Xms" + heap, "-Xmx" + heap, "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
		"-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true", i.logging(dir), "-cp", i.classPath,
		"kafka.Kafka", filepath.Join(dir, propertiesFile),
	}
}
