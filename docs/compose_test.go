package docs

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/knadh/koanf/parsers/yaml"
)

// container is what Compose starts: a command line, and variables by their names.
type container struct {
	words     []string
	variables []string
}

// containers are those of a file of Compose's that play a role.
func containers(t *testing.T, path string) (out []container) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	document, err := yaml.Parser().Unmarshal(raw)
	if err != nil {
		t.Fatal(path, err)
	}
	services, _ := document["services"].(map[string]any)
	for _, service := range services {
		node, _ := service.(map[string]any)
		environment, _ := node["environment"].(map[string]any)
		if words := texts(node["command"]); len(words) > 0 && slices.Contains(programs(), words[0]) {
			out = append(out, container{words, slices.Collect(maps.Keys(environment))})
		}
	}
	return out
}

func texts(list any) (out []string) {
	each, _ := list.([]any)
	for _, word := range each {
		out = append(out, fmt.Sprint(word))
	}
	return out
}

// unknown are the variables of Recount's that no flag of the command has.
func unknown(t *testing.T, dir string, c container) (out []string) {
	t.Helper()
	help, err := exec.Command(filepath.Join(dir, c.words[0]), c.words[1], "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range c.variables {
		flag, ours := strings.CutPrefix(name, "RECOUNT_")
		flag = strings.ToLower(strings.ReplaceAll(flag, "_", "-"))
		if ours && !regexp.MustCompile(`(?m)^ +--`+flag+`\b`).Match(help) {
			out = append(out, name)
		}
	}
	return out
}

// TestComposeStartsWhatThereIs has the programs read the command lines and variables that Compose gives. Those of Kubernetes
// are tried beside its manifests.
func TestComposeStartsWhatThereIs(t *testing.T) {
	t.Parallel()
	dir := bin(t)
	started := map[string]int{}
	for _, c := range containers(t, filepath.Join("..", "docker", "compose.yaml")) {
		started[c.words[0]]++
		if err := accepted(dir, c.words[0], c.words[1:]...); err != nil {
			t.Error(err)
		}
		if names := unknown(t, dir, c); len(names) > 0 {
			t.Errorf("%s %s has no flag for %v", c.words[0], c.words[1], names)
		}
	}
	if want := map[string]int{"aggregator": 2, "ingest": 1, "projectors": 1, "recount": 1, "saga": 1}; !maps.Equal(started, want) {
		t.Errorf("roles were started %v, not %v", started, want)
	}
	// The controls.
	if accepted(dir, "aggregator", "run", "--standby=4") == nil {
		t.Error("a flag that is not there was accepted")
	}
	wrong := container{words: []string{"saga", "run"}, variables: []string{"RECOUNT_KAFKA", "RECOUNT_BROKERS", "GOMEMLIMIT"}}
	if names := unknown(t, dir, wrong); !slices.Equal(names, []string{"RECOUNT_BROKERS"}) {
		t.Errorf("of a variable that is not there: %v", names)
	}
}
