package kubernetes

import (
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kubectl-validate/pkg/openapiclient"
	"sigs.k8s.io/kubectl-validate/pkg/validator"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// source is where the manifests lie for a kustomization that uses them: beside it.
const source = "/recount/docker/kubernetes"

// choices are sets of components that are tried together, beside none: each that can be alone, and all.
func choices() map[string][]string {
	return map[string][]string{
		"nothing else":      nil,
		"https":             {"https"},
		"kafka-tls":         {"kafka-tls"},
		"kafka-scram":       {"kafka-scram"},
		"kafka-certificate": {"kafka-tls", "kafka-certificate"},
		"clickhouse-tls":    {"clickhouse-tls"},
		"registry-tls":      {"registry-tls"},
		"policy":            {"policy"},
		"everything":        {"https", "kafka-tls", "kafka-scram", "kafka-certificate", "clickhouse-tls", "registry-tls", "policy"},
	}
}

// render returns what kubectl kustomize makes of the manifests with some components, as YAML.
func render(t *testing.T, components ...string) []string {
	t.Helper()
	text := "resources: [" + source + "]\ncomponents:\n"
	for _, c := range components {
		text += "  - " + path.Join(source, "components", c) + "\n"
	}
	return kustomize(t, strings.ReplaceAll(text, source, ".."+source))
}

// kustomize returns what kubectl kustomize makes of a kustomization in a folder beside recount's.
func kustomize(t *testing.T, kustomization string) (out []string) {
	t.Helper()
	files := filesys.MakeFsInMemory()
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(path.Base(name), "go.") || path.Ext(name) == ".go" {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return files.WriteFile(path.Join(source, name), text)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := files.WriteFile("/yours/kustomization.yaml", []byte(kustomization)); err != nil {
		t.Fatal(err)
	}
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, "/yours")
	if err != nil {
		t.Fatalf("%v\n%s", err, kustomization)
	}
	for _, r := range made.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(text))
	}
	return out
}

// valid returns what an API server would answer to a document.
func valid(v *validator.Validator, document string) (*unstructured.Unstructured, error) {
	_, object, err := v.Parse([]byte(document))
	if err != nil {
		return nil, err
	}
	return object, v.Validate(object)
}

// objects are what documents describe, once it is known to be valid.
func objects(t *testing.T, documents []string) (out []*unstructured.Unstructured) {
	t.Helper()
	v, err := validator.New(openapiclient.NewHardcodedBuiltins(apiVersion))
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range documents {
		object, err := valid(v, document)
		if err != nil {
			t.Fatalf("%v\n%s", err, document)
		}
		out = append(out, object)
	}
	return out
}

// TestEveryFileIsUsed looks for manifests that no kustomization lists, and for components that nothing tries.
func TestEveryFileIsUsed(t *testing.T) {
	t.Parallel()
	everything := choices()["everything"]
	for _, dir := range append(componentFolders(t), ".") {
		raw, err := os.ReadFile(path.Join(dir, "kustomization.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			manifest := path.Ext(e.Name()) == ".yaml" && e.Name() != "kustomization.yaml"
			if manifest && !strings.Contains(string(raw), e.Name()) {
				t.Errorf("%s/%s is in no kustomization", dir, e.Name())
			}
		}
		if name := path.Base(dir); dir != "." && !slices.Contains(everything, name) {
			t.Errorf("nothing tries %s", dir)
		}
	}
}

func componentFolders(t *testing.T) (out []string) {
	t.Helper()
	entries, err := os.ReadDir("components")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, "components/"+e.Name())
	}
	return out
}
