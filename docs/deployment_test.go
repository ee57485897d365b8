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

// container is what a file of Compose's or Kubernetes' starts: a command line, and variables.
type container struct {
	words     []string
	variables []string
}

// containers finds everything in a document that has a command of ours, however deep.
func containers(document any) (out []container) {
	switch node := document.(type) {
	case []any:
		for _, each := range node {
			out = append(out, containers(each)...)
		}
	case map[string]any:
		words := append(texts(node["command"]), texts(node["args"])...)
		if len(words) > 0 && slices.Contains(programs(), words[0]) {
			out = append(out, container{words, variables(node)})
		}
		for _, each := range node {
			out = append(out, containers(each)...)
		}
	}
	return out
}

func texts(list any) (out []string) {
	each, _ := list.([]any)
	for _, word := range each {
		out = append(out, strings.ReplaceAll(fmt.Sprint(word), "$(POD_NAME)", "pod-0"))
	}
	return out
}

// variables are the names that a container is given: a map in Compose, a list of names in Kubernetes.
func variables(of map[string]any) []string {
	environment, _ := of["environment"].(map[string]any)
	names := slices.Collect(maps.Keys(environment))
	list, _ := of["env"].([]any)
	for _, each := range list {
		if v, ok := each.(map[string]any); ok {
			names = append(names, fmt.Sprint(v["name"]))
		}
	}
	return names
}

// documents are the YAML documents of a file.
func documents(t *testing.T, path string) (out []map[string]any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range strings.Split(string(raw), "\n---\n") {
		document, err := yaml.Parser().Unmarshal([]byte(text))
		if err != nil {
			t.Fatal(path, err)
		}
		out = append(out, document)
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

// TestDeploymentsStartWhatThereIs has the programs read the command lines and variables that Compose and Kubernetes give.
func TestDeploymentsStartWhatThereIs(t *testing.T) {
	t.Parallel()
	dir := bin(t)
	manifests, err := filepath.Glob(filepath.Join("..", "docker", "kubernetes", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	config := documents(t, filepath.Join("..", "docker", "kubernetes", "config.yaml"))[0]
	data, _ := config["data"].(map[string]any)
	shared := slices.Collect(maps.Keys(data)) // by every pod
	if len(shared) == 0 {
		t.Error("the ConfigMap is empty")
	}
	started := map[string]int{}
	compose := filepath.Join("..", "docker", "compose.yaml")
	for _, path := range append(manifests, compose) {
		for _, document := range documents(t, path) {
			for _, c := range containers(document) {
				started[c.words[0]]++
				if err := accepted(dir, c.words[0], c.words[1:]...); err != nil {
					t.Errorf("%s: %v", path, err)
				}
				if path != compose {
					c.variables = append(c.variables, shared...)
				}
				if names := unknown(t, dir, c); len(names) > 0 {
					t.Errorf("%s: %s %s has no flag for %v", path, c.words[0], c.words[1], names)
				}
			}
		}
	}
	if want := map[string]int{"aggregator": 3, "ingest": 2, "projectors": 2, "recount": 1, "saga": 2}; !maps.Equal(started, want) {
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
