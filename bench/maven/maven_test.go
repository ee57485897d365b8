package maven

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

// fakeMaven writes a program that plays mvn in the folder it is called in.
func fakeMaven(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mvn")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func project(t *testing.T, mvn, pom string) Project {
	return Project{Name: "toy", Files: fstest.MapFS{"pom.xml": {Data: []byte(pom)}, "src/A.java": {Data: []byte("class A {}")}}, Cache: t.TempDir(), Maven: mvn}
}

func quietly(string) {}

const counting = `echo x >> "$(dirname "$0")/calls"; test -f pom.xml && test -f src/A.java && mkdir -p target/lib`

func calls(t *testing.T, mvn string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(filepath.Dir(mvn), "calls"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(text), "x")
}

func TestAProjectIsBuiltOnce(t *testing.T) {
	t.Parallel()
	p := project(t, fakeMaven(t, counting), "<project/>")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := p.ClassPath(t.Context(), quietly); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := calls(t, p.Maven); n != 1 {
		t.Errorf("built %d times, want once", n)
	}
}

func TestAnotherContentIsBuiltElsewhere(t *testing.T) {
	t.Parallel()
	p := project(t, fakeMaven(t, counting), "<project/>")
	first, err := p.ClassPath(t.Context(), quietly)
	if err != nil {
		t.Fatal(err)
	}
	changed := project(t, p.Maven, "<project>changed</project>")
	changed.Cache = p.Cache
	second, err := changed.ClassPath(t.Context(), quietly)
	if err != nil {
		t.Fatal(err)
	}
	if first == second || calls(t, p.Maven) != 2 {
		t.Errorf("class paths %s and %s after %d builds", first, second, calls(t, p.Maven))
	}
}

func TestAFailedBuildIsToldAndTriedAgain(t *testing.T) {
	t.Parallel()
	p := project(t, fakeMaven(t, "echo no such artifact; exit 1"), "<project/>")
	if _, err := p.ClassPath(t.Context(), quietly); err == nil || !strings.Contains(err.Error(), "no such artifact") {
		t.Fatalf("a failed build: %v", err)
	}
	p.Maven = fakeMaven(t, counting)
	if _, err := p.ClassPath(t.Context(), quietly); err != nil || calls(t, p.Maven) != 1 {
		t.Errorf("after the cause is gone: %v, %d builds", err, calls(t, p.Maven))
	}
}

func TestWithoutMavenTheMessageSaysWhatToInstall(t *testing.T) {
	t.Parallel()
	p := project(t, filepath.Join(t.TempDir(), "mvn"), "<project/>")
	if _, err := p.ClassPath(t.Context(), quietly); err == nil || !strings.Contains(err.Error(), "install Maven") {
		t.Errorf("without Maven: %v", err)
	}
}

func TestALauncherThatIsNotThereHasNoVersion(t *testing.T) {
	t.Parallel()
	if got, err := versionOf(t.Context(), filepath.Join(t.TempDir(), "java")); err == nil {
		t.Errorf("it is %q", got)
	}
}
