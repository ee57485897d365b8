package kubernetes

import (
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

const (
	// mounts begins the path of every file that a pod is given.
	mounts = "/etc/recount"
	// exitFailed is how a program ends that could not do what its command line asks for; one that does not understand it
	// ends with another code.
	exitFailed = 1
)

// programs builds Recount's programs and returns the folder they are in.
func programs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./cmd/...")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build ./cmd/...: %v\n%s", err, out)
	}
	return dir
}

// refused says why the program in dir does not take a container's command line or a value of its variables. The files that a
// pod is given are looked for below nowhere, where there are none: to miss one of them is what a program does next.
func refused(t *testing.T, dir, nowhere string, of corev1.Container, environment map[string]string) error {
	t.Helper()
	elsewhere := strings.NewReplacer(mounts, nowhere, "$(POD_NAME)", environment["POD_NAME"])
	var args []string
	for _, word := range append(slices.Clone(of.Command[1:]), of.Args...) {
		args = append(args, elsewhere.Replace(word))
	}
	run := exec.Command(filepath.Join(dir, of.Command[0]), args...)
	run.Dir = nowhere
	run.Env = []string{}
	for name, value := range environment {
		run.Env = append(run.Env, name+"="+elsewhere.Replace(value))
	}
	said, err := run.CombinedOutput()
	failed := (*exec.ExitError)(nil)
	if err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	if failed == nil || failed.ExitCode() != exitFailed || !strings.Contains(string(said), nowhere) {
		return fmt.Errorf("%s %s: %v: %s", of.Command[0], strings.Join(args, " "), err, said)
	}
	return nil
}

// unknown are the variables of Recount's that no flag of the container's command has.
func unknown(t *testing.T, dir string, of corev1.Container, environment map[string]string) (out []string) {
	t.Helper()
	help, err := exec.Command(filepath.Join(dir, of.Command[0]), of.Args[0], "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(environment)) {
		flag, ours := strings.CutPrefix(name, "RECOUNT_")
		flag = strings.ToLower(strings.ReplaceAll(flag, "_", "-"))
		if ours && !regexp.MustCompile(`(?m)^ +--`+flag+`\b`).Match(help) {
			out = append(out, name)
		}
	}
	return out
}

// TestProgramsTakeWhatPodsAreTold has the programs read the command lines and the variables of all pods, with every choice of
// components.
func TestProgramsTakeWhatPodsAreTold(t *testing.T) {
	t.Parallel()
	dir, nowhere := programs(t), t.TempDir()
	for name, components := range choices() {
		c := read(t, objects(t, render(t, components...)))
		var started []string
		for _, w := range c.workloads {
			container := w.pod.Spec.Containers[0]
			environment := c.environment(container)
			started = append(started, container.Command[0]+" "+container.Args[0])
			if err := refused(t, dir, nowhere, container, environment); err != nil {
				t.Errorf("with %s: %s: %v", name, w.name, err)
			}
			if names := unknown(t, dir, container, environment); len(names) > 0 {
				t.Errorf("with %s: %s %s has no flag for %v", name, container.Command[0], container.Args[0], names)
			}
		}
		slices.Sort(started)
		if got := strings.Join(started, ", "); got != "aggregator run, ingest serve, projectors run, recount console, saga run" {
			t.Errorf("with %s the pods start %s", name, got)
		}
	}
	// The controls: each breaks one pod.
	c := read(t, objects(t, render(t, choices()["everything"]...)))
	sound := c.workload(t, "ingest").pod.Spec.Containers[0]
	for name, breaks := range map[string]func(*corev1.Container, map[string]string){
		"a flag that is not there":          func(c *corev1.Container, _ map[string]string) { c.Args = append(slices.Clone(c.Args), "--standby=4") },
		"a command that is not there":       func(c *corev1.Container, _ map[string]string) { c.Args = []string{"rnu"} },
		"a value that a flag can't have":    func(_ *corev1.Container, e map[string]string) { e["RECOUNT_PARTITIONS"] = "a dozen" },
		"a value that makes no sense":       func(_ *corev1.Container, e map[string]string) { e["RECOUNT_KAFKA"] = "kafka" },
		"a mechanism that nobody knows":     func(_ *corev1.Container, e map[string]string) { e["RECOUNT_KAFKA_SASL"] = "scram" },
		"a certificate, and TLS turned off": func(_ *corev1.Container, e map[string]string) { delete(e, "RECOUNT_KAFKA_TLS") },
		"a certificate without its key":     func(_ *corev1.Container, e map[string]string) { delete(e, "RECOUNT_TELEMETRY_KEY") },
		"an address without a token to it": func(c *corev1.Container, _ map[string]string) {
			c.Args = []string{c.Args[0], "--telemetry-addr=0.0.0.0:0"}
		},
	} {
		broken, environment := sound, c.environment(sound)
		breaks(&broken, environment)
		if refused(t, dir, nowhere, broken, environment) == nil {
			t.Errorf("the control: %s was accepted", name)
		}
	}
	wrong := map[string]string{"RECOUNT_KAFKA": "", "RECOUNT_BROKERS": "", "GOMEMLIMIT": ""}
	if names := unknown(t, dir, sound, wrong); !slices.Equal(names, []string{"RECOUNT_BROKERS"}) {
		t.Errorf("the control: of a variable that is not there: %v", names)
	}
}
