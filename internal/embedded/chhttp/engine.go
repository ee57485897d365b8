package chhttp

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"recount/internal/embedded/chdb"
)

// EngineOptions configures the engine. Values of zero or less mean the defaults.
type EngineOptions struct {
	// Library is the path of libchdb.so.
	Library string
	// DataDir holds everything; it is created where it is missing.
	DataDir string
	// MaxMemoryBytes bounds what all queries, merges and caches may take together. A query over it fails with
	// MEMORY_LIMIT_EXCEEDED (241) and the server goes on. Default 4 GiB.
	MaxMemoryBytes int64
	// MergeThreads bounds the background merges. Few is right beside other programs on a small machine. Default 2.
	MergeThreads int
}

const (
	defaultMaxMemoryBytes = 4 << 30
	defaultMergeThreads   = 2
	markCacheBytes        = 256 << 20
)

// Engine is the one ClickHouse engine of this process.
type Engine struct {
	library  *chdb.Library
	args     []string
	keeper   *chdb.Conn // the engine stops with its last connection: this one keeps it up between requests
	version  string
	timezone string
}

// StartEngine loads the library and opens the data folder.
func StartEngine(o EngineOptions) (*Engine, error) {
	dir, err := filepath.Abs(o.DataDir)
	if err != nil {
		return nil, fmt.Errorf("find the data folder: %w", err)
	}
	// Without metadata/ the library does not start its catalogue's background tasks, and DROP … SYNC waits for ever.
	store := filepath.Join(dir, "store")
	if err := os.MkdirAll(filepath.Join(store, "metadata"), 0o755); err != nil {
		return nil, fmt.Errorf("make ClickHouse's data folder: %w", err)
	}
	config := filepath.Join(dir, "config.xml")
	if err := os.WriteFile(config, o.configXML(), 0o644); err != nil {
		return nil, fmt.Errorf("write ClickHouse's configuration: %w", err)
	}
	library, err := chdb.Open(o.Library)
	if err != nil {
		return nil, err
	}
	e := &Engine{library: library, args: []string{"--path=" + store, "--config-file=" + config}}
	if e.keeper, err = library.Connect(e.args...); err != nil {
		return nil, fmt.Errorf("open ClickHouse's data in %s: %w", store, err)
	}
	return e, e.describe()
}

// configXML logs what goes wrong in the background; the failure of a query is the client's to report. It leaves everything that changes an answer or a guarantee at ClickHouse's defaults, the deduplication windows
// above all: a table that forgets to set its own must fail here as it would on a server.
func (o EngineOptions) configXML() []byte {
	memory, merges := o.MaxMemoryBytes, o.MergeThreads
	if memory <= 0 {
		memory = defaultMaxMemoryBytes
	}
	if merges <= 0 {
		merges = defaultMergeThreads
	}
	return fmt.Appendf(nil, `<clickhouse>
  <logger><console>1</console><levels><executeQuery>none</executeQuery></levels></logger>
  <log-level>error</log-level>
  <max_server_memory_usage>%d</max_server_memory_usage>
  <background_pool_size>%d</background_pool_size>
  <mark_cache_size>%d</mark_cache_size>
</clickhouse>
`, memory, merges, markCacheBytes)
}

func (e *Engine) describe() error {
	out, _, err := e.keeper.Query("SELECT version(), timezone()", "TSVRaw", nil)
	if err != nil {
		return fmt.Errorf("ask ClickHouse for its version: %w", err)
	}
	version, timezone, ok := strings.Cut(strings.TrimSpace(string(out)), "\t")
	if !ok {
		return fmt.Errorf("ClickHouse answered %q when asked for its version and time zone", out)
	}
	e.version, e.timezone = version, timezone
	return nil
}

// Close stops the engine, once every other connection is closed. What was acknowledged is on disk already.
func (e *Engine) Close() { e.keeper.Close() }

// open makes a connection with this current database and these settings.
func (e *Engine) open(database string, settings map[string]string) (*chdb.Conn, error) {
	conn, err := e.library.Connect(e.args...)
	if err != nil {
		return nil, err
	}
	if database != "" {
		if _, _, err := conn.Query("USE "+quoteName(database), "Null", nil); err != nil {
			conn.Close()
			return nil, err
		}
	}
	if len(settings) > 0 {
		if _, _, err := conn.Query(setStatement(settings), "Null", nil); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return conn, nil
}

// setStatement puts readonly last: it would refuse the settings after it.
func setStatement(settings map[string]string) string {
	var assignments, last []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		assignment := name + " = " + quoteText(settings[name])
		if name == readonly {
			last = []string{assignment}
			continue
		}
		assignments = append(assignments, assignment)
	}
	return "SET " + strings.Join(append(assignments, last...), ", ")
}

const readonly = "readonly"

func quoteText(s string) string { return "'" + escape(s, "'") + "'" }

func quoteName(s string) string { return "`" + escape(s, "`") + "`" }

func escape(s, quote string) string {
	return strings.NewReplacer(`\`, `\\`, quote, `\`+quote).Replace(s)
}
