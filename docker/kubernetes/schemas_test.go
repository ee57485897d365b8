package kubernetes

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kubectl-validate/pkg/openapiclient"
	"sigs.k8s.io/kubectl-validate/pkg/validator"
	"sigs.k8s.io/yaml"
)

// apiVersion is the newest of which the validator brings the schemas. What is used here has been the same since, and so is
// promised to stay: all of it is v1.
const apiVersion = "1.30"

// documents are the manifests that kustomization.yaml lists, as text.
func documents(t *testing.T) (out []string) {
	t.Helper()
	raw, err := os.ReadFile("kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Resources []string `json:"resources"`
	}
	if err := yaml.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.yaml")
	if err != nil || len(files) != len(list.Resources)+1 {
		t.Fatalf("kustomization.yaml lists %v, and there are %v (%v)", list.Resources, files, err)
	}
	for _, file := range list.Resources {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range bytes.Split(raw, []byte("\n---\n")) {
			out = append(out, string(document))
		}
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

// objects are all manifests, once they are known to be valid.
func objects(t *testing.T) (out []*unstructured.Unstructured) {
	t.Helper()
	v, err := validator.New(openapiclient.NewHardcodedBuiltins(apiVersion))
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range documents(t) {
		object, err := valid(v, document)
		if err != nil {
			t.Fatalf("%v\n%s", err, document)
		}
		out = append(out, object)
	}
	return out
}

func TestManifestsAreValid(t *testing.T) {
	t.Parallel()
	var kinds []string
	for _, o := range objects(t) {
		kinds = append(kinds, o.GetKind())
	}
	slices.Sort(kinds)
	want := "ConfigMap ConfigMap Deployment Deployment Deployment Namespace PodDisruptionBudget PodDisruptionBudget PodDisruptionBudget " +
		"PodDisruptionBudget PodDisruptionBudget Secret Service Service Service Service Service Service ServiceAccount StatefulSet StatefulSet"
	if got := strings.Join(kinds, " "); got != want {
		t.Errorf("there are %s", got)
	}
}

// TestFaultsOfManifestsAreFound is the control: each of these is refused.
func TestFaultsOfManifestsAreFound(t *testing.T) {
	t.Parallel()
	v, err := validator.New(openapiclient.NewHardcodedBuiltins(apiVersion))
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(documents(t), "\n---\n")
	at := strings.Index(all, "kind: StatefulSet")
	start := strings.LastIndex(all[:at], "\n---\n") + len("\n---\n")
	sound, _, _ := strings.Cut(all[start:], "\n---\n")
	if _, err := valid(v, sound); err != nil {
		t.Fatal(err)
	}
	for _, fault := range []struct{ from, to string }{
		{"replicas: 2", "replicas: two"},
		{"replicas: 2", "replica: 2"},
		{"apiVersion: apps/v1", "apiVersion: apps/v9"},
		{"  selector:\n    matchLabels: {app.kubernetes.io/name: aggregator}\n", ""},
		{"          livenessProbe:", "          livenesProbe:"},
		{"port: telemetry}\n            periodSeconds: 10", "prot: telemetry}\n            periodSeconds: 10"},
		{"containerPort: 9101", `containerPort: "9101"`},
		{"defaultMode: 0440", "defaultMode: rw"},
	} {
		broken := strings.Replace(sound, fault.from, fault.to, 1)
		if broken == sound {
			t.Errorf("the manifest has no %q any more", fault.from)
		}
		if _, err := valid(v, broken); err == nil {
			t.Errorf("%q in the place of %q was taken for valid", fault.to, fault.from)
		}
	}
}
