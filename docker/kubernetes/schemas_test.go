package kubernetes

import (
	"os"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/kubectl-validate/pkg/openapiclient"
	"sigs.k8s.io/kubectl-validate/pkg/validator"
)

// apiVersion is the newest of which the validator brings the schemas. What is used here has been the same since, and so is
// promised to stay: all of it is v1.
const apiVersion = "1.30"

func TestManifestsAreValid(t *testing.T) {
	t.Parallel()
	for name, components := range choices() {
		var kinds []string
		for _, o := range objects(t, render(t, components...)) {
			kinds = append(kinds, o.GetKind())
			if o.GetNamespace() != "recount" && o.GetKind() != "Namespace" {
				t.Errorf("with %s: %s %s is in the namespace %q", name, o.GetKind(), o.GetName(), o.GetNamespace())
			}
		}
		slices.Sort(kinds)
		want := "ConfigMap ConfigMap Deployment Deployment Deployment Namespace PodDisruptionBudget PodDisruptionBudget PodDisruptionBudget " +
			"PodDisruptionBudget PodDisruptionBudget Secret Service Service Service Service Service Service ServiceAccount StatefulSet StatefulSet"
		if got := strings.Join(kinds, " "); len(components) == 0 && got != want {
			t.Errorf("there are %s", got)
		}
	}
}

// TestFaultsOfManifestsAreFound is the control: each of these is refused.
func TestFaultsOfManifestsAreFound(t *testing.T) {
	t.Parallel()
	v, err := validator.New(openapiclient.NewHardcodedBuiltins(apiVersion))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("aggregator.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Split(string(raw), "\n---\n")
	sound := all[len(all)-1]
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
