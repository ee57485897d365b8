package prometheus

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/rulefmt"
)

// TestPromtoolAgrees has promtool check the rules and the configuration and run the tests of the rules; and shows, for
// each alert, that these tests fail when it never fires.
func TestPromtoolAgrees(t *testing.T) {
	t.Parallel()
	promtool := program(t, "promtool")
	dir, shown := t.TempDir(), exampleOf(t, filepath.Join("..", "..", "docs", "metrics.md"))
	example, misspelt := filepath.Join(dir, "example.yml"), filepath.Join(dir, "misspelt.yml")
	write(t, example, shown)
	write(t, misspelt, strings.Replace(shown, "ca_file", "cafile", 1))
	run := func(args ...string) (string, bool) {
		out, err := exec.Command(promtool, args...).CombinedOutput()
		if failed := (*exec.ExitError)(nil); err != nil && !errors.As(err, &failed) {
			t.Fatal(err)
		}
		return string(out), err == nil
	}
	for _, args := range [][]string{
		{"check", "rules", "--lint=all", "--lint-fatal", "rules/recording.yml", "rules/alerts.yml"},
		{"check", "config", "--syntax-only", "prometheus.yml"},
		{"check", "config", "--syntax-only", "kubernetes.yml"},
		{"check", "config", "--syntax-only", example},
		append([]string{"test", "rules"}, testFiles(t, ".")...),
	} {
		if out, ok := run(args...); !ok {
			t.Errorf("promtool %s:\n%s", strings.Join(args, " "), out)
		}
	}
	if _, ok := run("check", "config", "--syntax-only", misspelt); ok {
		t.Error("the control: an example with a word that is none was taken")
	}
	for _, r := range rulesOf(t) {
		if r.Alert == "" {
			continue
		}
		silenced := t.TempDir()
		silence(t, silenced, r)
		if out, ok := run(append([]string{"test", "rules"}, testFiles(t, silenced)...)...); ok {
			t.Errorf("the control: %s never fires, and no test notices:\n%s", r.Alert, out)
		}
	}
}

func testFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "tests", "*.yml"))
	if err != nil || len(files) == 0 {
		t.Fatal("there are no tests of the rules", err)
	}
	return files
}

// exampleOf is the YAML that a document shows.
func exampleOf(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), "```yaml\n")
	text, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal(path, "shows none")
	}
	return text
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// silence copies rules and tests to dir, with one alert that never fires.
func silence(t *testing.T, dir string, alert rulefmt.Rule) {
	t.Helper()
	for _, folder := range []string{"rules", "tests"} {
		if err := os.CopyFS(filepath.Join(dir, folder), os.DirFS(folder)); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "rules", "alerts.yml")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, after, _ := strings.Cut(string(raw), "- alert: "+alert.Alert+"\n")
	_, rest, found := strings.Cut(after, "        labels: {")
	if !found {
		t.Fatalf("%s is not written as the others are", alert.Alert)
	}
	text := before + "- alert: " + alert.Alert + "\n        expr: vector(0) > 1\n        labels: {" + rest
	write(t, path, text)
}

// program builds one of Prometheus' programs, at the version that go.mod names.
func program(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	build := exec.Command("go", "build", "-tags", "remove_all_sd,enable_dns_sd", "-o", path, "github.com/prometheus/prometheus/cmd/"+name)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", name, err, out)
	}
	return path
}
