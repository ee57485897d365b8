package kubernetes

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// guide is docs/kubernetes.md, and the YAML that it shows.
func guide(t *testing.T) (text string, shown []string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "kubernetes.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range strings.Split(string(raw), "```yaml\n")[1:] {
		yaml, _, _ := strings.Cut(block, "```")
		shown = append(shown, yaml)
	}
	if len(shown) != 2 {
		t.Fatalf("the guide shows %d times YAML: this test knows a kustomization and a certificate", len(shown))
	}
	return string(raw), shown
}

// TestTheGuidesKustomizationIsTaken renders what the guide tells people to write.
func TestTheGuidesKustomizationIsTaken(t *testing.T) {
	t.Parallel()
	_, shown := guide(t)
	c := read(t, objects(t, kustomize(t, shown[0])))
	if c.values["Secret/recount"] != nil || c.values["Secret/recount-https"] == nil {
		t.Error("it takes not the secret away that it says")
	}
	if got := c.values["ConfigMap/recount"]; got["RECOUNT_KAFKA"] != "kafka-bootstrap.kafka:9093" || got["RECOUNT_KAFKA_TLS"] != "true" || got["RECOUNT_PARTITIONS"] == "" {
		t.Errorf("pods are told %v", got)
	}
	for _, w := range c.workloads {
		if image := w.pod.Spec.Containers[0].Image; image != "registry.example.com/recount:1.0" {
			t.Errorf("%s runs %s", w.name, image)
		}
	}
}

// TestTheGuideNamesEveryComponent looks for each in the guide's table, and beside it for what it brings.
func TestTheGuideNamesEveryComponent(t *testing.T) {
	t.Parallel()
	text, _ := guide(t)
	alone := read(t, objects(t, render(t)))
	for _, dir := range componentFolders(t) {
		_, rest, found := strings.Cut(text, "\n| `"+dir+"` |")
		if !found {
			t.Errorf("%s is not in the guide's table", dir)
		}
		row, _, _ := strings.Cut(rest, "\n")
		for name := range read(t, objects(t, render(t, path.Base(dir)))).values {
			kind, name, _ := strings.Cut(name, "/")
			if hash := strings.TrimPrefix(name, "recount-policy-"); hash != name {
				name = "recount-policy-…"
			}
			if alone.values[kind+"/"+name] == nil && !strings.Contains(row, kind+" `"+name+"`") {
				t.Errorf("the row of %s does not name the %s %s", dir, kind, name)
			}
		}
	}
}

// TestPrometheusFindsEveryRole follows what a Prometheus in the cluster is told (../prometheus/kubernetes.yml) to the pods, and
// to the names that the guide's certificate is for.
func TestPrometheusFindsEveryRole(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("..", "prometheus", "kubernetes.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var told struct {
		Jobs []struct {
			TLS struct {
				Name string `json:"server_name"`
			} `json:"tls_config"`
			Found []struct {
				Names []string `json:"names"`
				Port  int      `json:"port"`
			} `json:"dns_sd_configs"`
		} `json:"scrape_configs"`
	}
	var certificate struct {
		Spec struct {
			Names []string `json:"dnsNames"`
		} `json:"spec"`
	}
	_, shown := guide(t)
	if err := yaml.Unmarshal(raw, &told); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(shown[1]), &certificate); err != nil {
		t.Fatal(err)
	}
	c := read(t, objects(t, render(t, "https")))
	var found []string
	for _, job := range told.Jobs {
		name, _, _ := strings.Cut(job.Found[0].Names[0], ".")
		if found = append(found, name); name != job.TLS.Name || !slices.Contains(certificate.Spec.Names, name) {
			t.Errorf("%s shows a certificate that is not for it: it is asked for as %q, the guide's is for %v", name, job.TLS.Name, certificate.Spec.Names)
		}
		if !c.headless(name, strconv.Itoa(job.Found[0].Port)) {
			t.Errorf("no headless service is at %s:%d", name, job.Found[0].Port)
		}
	}
	if slices.Sort(found); !slices.Equal(found, []string{"aggregator", "ingest-pods", "projectors", "saga"}) {
		t.Errorf("it finds %v", found)
	}
	// The controls: a service that has one address for all, and a port of another.
	if c.headless("ingest", "9102") || c.headless("saga", "9101") {
		t.Error("a role was found where none is")
	}
}
