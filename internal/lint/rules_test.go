package lint

import "testing"

// What the repository promises of itself.
const (
	pure      = "the pure packages touch nothing but values"
	heavy     = "a heavy dependency has one importer"
	commands  = "only commands assemble, and nothing imports a command"
	inTests   = "tests do not reach production code"
	blank     = "nothing is registered by a blank import"
	noInits   = "nothing runs before main"
	sealed    = "a switch over a sealed set knows every case"
	constant  = "no package variable can change"
	names     = "a name says what a thing is about"
	size      = "files and functions fit in a reader's head"
	explained = "every exported name is explained"
	placeless = "no text knows the machine it was written on"
)

// rule holds the repository to one promise: check returns a sentence for each place that breaks it.
type rule struct {
	promise string
	check   func(*repository) []string
}

func rules() []rule {
	return []rule{
		{pure, purePackages},
		{heavy, heavyDependencies},
		{commands, commandsOnTop},
		{inTests, testCodeInTests},
		{blank, blankImports},
		{noInits, initFunctions},
		{sealed, unwatchedSets},
		{constant, packageVariables},
		{names, vagueness},
		{size, lengths},
		{explained, missingComments},
		{placeless, pathsOfMachines},
	}
}

func TestTheRepositoryKeepsItsRules(t *testing.T) {
	t.Parallel()
	repo := load(t, "../..")
	if len(repo.packages) < 3 {
		t.Fatalf("only %d packages were found: the rules were hardly tried", len(repo.packages))
	}
	for _, rule := range rules() {
		for _, breach := range rule.check(repo) {
			t.Errorf("%s: %s", rule.promise, breach)
		}
	}
}

// Folders stand for themselves and everything below.

// pureFolders are the packages whose answers depend on their arguments alone, so that a replay ends where the first run
// did. They may import each other, pureImports, and what pureExceptions adds.
func pureFolders() []string {
	return []string{"domain", "internal/engine", "internal/es", "internal/partition", "internal/proof"}
}

// pureImports can neither wait, look around nor roll dice. time is absent on purpose, durations and all: a time is an
// int64 of Unix milliseconds, and comes in as a value.
func pureImports() []string {
	return []string{
		"bytes", "cmp", "container/heap", "crypto/sha256", "encoding/binary", "encoding/hex", "errors", "fmt", "hash", "iter",
		"maps", "math", "math/bits", "reflect", "slices", "sort", "strconv", "strings", "unicode", "unicode/utf8",
	}
}

// pureExceptions are imports that one pure folder needs and the others do not.
func pureExceptions() map[string][]string {
	return map[string][]string{
		"internal/engine": {
			"github.com/cespare/xxhash/v2", // hashes of keys
			"runtime/debug",                // where a Decide panicked, for its dead letter
		},
	}
}

// dependency is an import path, with everything below it, and the folders that may import it; a longer path goes
// before a shorter one. Files of tests may do so in the folders of tests as well.
type dependency struct {
	path  string
	code  []string
	tests []string
}

func dependencies() []dependency {
	return []dependency{
		{path: "github.com/linkedin/goavro", code: []string{"internal/serde"}},
		{path: "github.com/twmb/avro", code: []string{"internal/serde"}},
		{path: "github.com/twmb/franz-go", code: []string{"internal/kafka"}, tests: []string{"internal/embedded"}},
		{path: "github.com/twmb/franz-go/pkg/kgo", code: []string{"internal/kafka", "internal/telemetry"}, tests: []string{"internal/embedded"}}, // telemetry: the client's hooks
		{path: "github.com/twmb/franz-go/pkg/sr", code: []string{"internal/serde", "internal/embedded"}},                                         // embedded keeps the fake's schemas
		{path: "github.com/twmb/franz-go/pkg/sr/srfake", code: []string{"internal/embedded"}, tests: []string{"internal/serde"}},
		{path: "github.com/twmb/franz-go/pkg/kfake", code: []string{"internal/embedded"}, tests: []string{"internal/kafka"}},
		{path: "github.com/twmb/franz-go/plugin", code: []string{"internal/kafka", "internal/telemetry"}},
		{path: "github.com/twmb/franz-go/plugin/kotel", code: []string{"internal/kafka"}},
		{path: "go.opentelemetry.io", code: []string{"internal/telemetry/traces"}, tests: []string{"internal/kafka", "cmd/recount/acceptance"}},
		{path: "go.opentelemetry.io/otel/trace", code: []string{"internal/telemetry/traces", "internal/kafka"}}, // kafka: what kotel asks for
		{path: "go.opentelemetry.io/otel/propagation", code: []string{"internal/telemetry/traces", "internal/kafka"}},
		{path: "github.com/ClickHouse/clickhouse-go", code: []string{"internal/clickhouse"}, tests: []string{"internal/embedded"}},
		{path: "github.com/ClickHouse/ch-go", code: []string{"internal/clickhouse", "internal/embedded"}},
		{path: "github.com/pressly/goose", code: []string{"internal/clickhouse"}},
		{path: "github.com/cockroachdb/pebble", code: []string{"internal/statestore/pebble"}},
		{path: "github.com/ebitengine/purego", code: []string{"internal/embedded"}},
	}
}

// trialFolders exist to try the whole from outside, with whatever client or fake that takes. No production code
// imports them, nor a package that is called after what it tests (estest).
func trialFolders() []string {
	return []string{"bench", "e2e", "internal/sim"}
}

// testLibraries have no business outside tests.
func testLibraries() []string {
	return []string{"testing", "pgregory.net/rapid", "go.uber.org/goleak", "github.com/chromedp"}
}

// constantMakers return values that nobody can change.
func constantMakers() []string {
	return []string{"errors.New", "fmt.Errorf", "regexp.MustCompile"}
}

// vagueNames would fit any package or file.
func vagueNames() []string {
	return []string{"base", "common", "helper", "helpers", "misc", "models", "types", "util", "utils"}
}

// plainMethods are explained once and for all by the interface that everybody knows them from.
func plainMethods() []string {
	return []string{"Error", "Unwrap", "Is", "As", "String", "Len", "Less", "Swap", "ServeHTTP", "Read", "Write", "Close"}
}

const (
	linesPerFileMax     = 500
	linesPerFunctionMax = 70
)
