package embedded_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"recount/internal/embedded"
)

// These set variables of the process, so they do not run in parallel.

func TestLocateLibraryTakesTheVariable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "libchdb.so")
	t.Setenv("RECOUNT_LIBCHDB", path)
	if _, err := embedded.LocateLibrary(soon(t), nil); err == nil || !strings.Contains(err.Error(), "RECOUNT_LIBCHDB") {
		t.Errorf("a variable that names nothing: %v", err)
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.LocateLibrary(soon(t), nil); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("a variable that names a folder: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := embedded.LocateLibrary(soon(t), nil); err != nil || got != path {
		t.Errorf("located %q, want %q: %v", got, path, err)
	}
}

func TestLocateLibraryWithoutNPMNamesTheChoices(t *testing.T) {
	t.Setenv("RECOUNT_LIBCHDB", "")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	_, err := embedded.LocateLibrary(soon(t), nil)
	for _, choice := range []string{"npm", "Node.js", "RECOUNT_LIBCHDB", "--clickhouse URL"} {
		if err == nil || !strings.Contains(err.Error(), choice) {
			t.Errorf("the message does not name %s: %v", choice, err)
		}
	}
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	if _, err := embedded.LocateLibrary(soon(t), nil); err == nil || !strings.Contains(err.Error(), "RECOUNT_LIBCHDB") {
		t.Errorf("without a cache folder: %v", err)
	}
}
