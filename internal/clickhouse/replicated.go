package clickhouse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strings"

	ch "github.com/ClickHouse/clickhouse-go/v2"
)

// errNotReplicated says that a table is on one server, and there are several.
var errNotReplicated = errors.New("it is on one server alone, and there are several: rows and the tokens they are known by would be spread over them. " +
	"Give one address, or have the tables replicated (--clickhouse-replicated, in a database that was made with it)")

// replicatedWindowSeconds is how long a replicated table remembers tokens beside their number: the server's own default may
// be shorter than an outage.
const replicatedWindowSeconds = 7 * 24 * 60 * 60

// databaseEngine makes a database whose statements are carried out on every replica. The macros {shard} and {replica} are
// the servers'.
func (c Config) databaseEngine() string {
	if !c.Replicated {
		return ""
	}
	return fmt.Sprintf(" ENGINE = Replicated('/clickhouse/databases/%s', '{shard}', '{replica}')", c.Database)
}

// settings are those of every statement. What is written down about generations, claims and parked events is read again at
// once, perhaps from another replica: so a majority has it before the statement returns, and whoever reads without having it
// is refused, which passes by itself.
func (c Config) settings() ch.Settings {
	if !c.Replicated {
		return nil
	}
	return ch.Settings{"insert_quorum": "auto", "insert_quorum_parallel": 0, "select_sequential_consistency": 1}
}

// replicate turns a statement that makes a table into one that makes a replicated table; any other stays as it is.
func replicate(statement string) string {
	engine := regexp.MustCompile(`(?i)\bENGINE\s*=\s*((?:Replacing|Aggregating|Summing)?MergeTree\b)`)
	if !engine.MatchString(statement) {
		return statement
	}
	statement = engine.ReplaceAllString(statement, "ENGINE = Replicated$1")
	window := regexp.MustCompile(`\bnon_replicated_deduplication_window\b`)
	return window.ReplaceAllString(statement, fmt.Sprintf("replicated_deduplication_window_seconds = %d, replicated_deduplication_window", replicatedWindowSeconds))
}

// statements returns what makes tables, as this cluster needs it.
func (c Config) statements(all []string) []string {
	if !c.Replicated {
		return all
	}
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = replicate(s)
	}
	return out
}

// replicatedFiles are files of SQL in which every table is replicated.
type replicatedFiles struct{ fs.FS }

// Open reads a file whole and replicates its statements.
func (f replicatedFiles) Open(name string) (fs.File, error) {
	file, err := f.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return file, err
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	var out []string
	for statement := range strings.SplitSeq(string(text), ";") {
		out = append(out, replicate(statement))
	}
	return replicatedFile{file, bytes.NewReader([]byte(strings.Join(out, ";")))}, nil
}

// replicatedFile has the name and the times of one file, and the text of another.
type replicatedFile struct {
	fs.File
	text *bytes.Reader
}

// Read reads the text.
func (f replicatedFile) Read(p []byte) (int, error) { return f.text.Read(p) }
