package libfetch_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"recount/internal/embedded/libfetch"
)

const library = "the library's bytes"

// npm is a stand-in for the npm client that knows one package.
type npm struct {
	dir string // holds the program, the package it delivers and a line for each run
}

// newNPM delivers an archive with these members, or runs script instead where one is given.
func newNPM(t *testing.T, members map[string]string, script string) (npm, libfetch.Source) {
	t.Helper()
	n := npm{dir: t.TempDir()}
	archive := pack(t, members)
	program := "#!/bin/sh\necho \"$@\" >> '" + n.dir + "/runs'\n" + script + "\ncp '" + n.dir + "/package' ./delivered.tgz\n"
	for name, content := range map[string][]byte{"npm": []byte(program), "package": archive} {
		if err := os.WriteFile(filepath.Join(n.dir, name), content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	sum := sha256.Sum256(archive)
	return n, libfetch.Source{
		Package: "@some/lib", Version: "1.2.3", SHA256: hex.EncodeToString(sum[:]), NPM: filepath.Join(n.dir, "npm"),
		Member: "package/lib.so", MemberBytes: int64(len(library)), Advice: "or do without it",
	}
}

func pack(t *testing.T, members map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	archive := tar.NewWriter(zipped)
	for name, content := range members {
		if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(archive.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (n npm) runs(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(n.dir, "runs"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return bytes.Count(text, []byte("\n"))
}

func whole() map[string]string {
	return map[string]string{"package/package.json": "{}", "package/lib.so": library, "../outside": "no"}
}

func locate(t *testing.T, s libfetch.Source, cache string) (string, error) {
	t.Helper()
	return s.Locate(context.Background(), cache, func(message string) { t.Log(message) })
}

func wantLibrary(t *testing.T, path string, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != library {
		t.Errorf("%s holds %q: %v", path, text, err)
	}
}

func TestLocateFetchesOnce(t *testing.T) {
	t.Parallel()
	n, source := newNPM(t, whole(), "")
	cache := t.TempDir()
	for range 2 {
		path, err := locate(t, source, cache)
		wantLibrary(t, path, err)
	}
	if got := n.runs(t); got != 1 {
		t.Errorf("npm ran %d times, want once", got)
	}
	left, err := filepath.Glob(filepath.Join(cache, "*", "*"))
	if err != nil || len(left) != 1 {
		t.Errorf("the cache holds %v, want the library alone: %v", left, err)
	}
}

func TestLocateAtOnce(t *testing.T) {
	t.Parallel()
	n, source := newNPM(t, whole(), "sleep 0.2")
	cache := t.TempDir()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if path, err := locate(t, source, cache); err != nil || filepath.Base(path) != "lib.so" {
				t.Errorf("%s, %v", path, err)
			}
		})
	}
	group.Wait()
	if got := n.runs(t); got != 1 {
		t.Errorf("npm ran %d times for four at once, want once", got)
	}
}

func TestLocateGoesOnWhereItWasInterrupted(t *testing.T) {
	t.Parallel()
	n, source := newNPM(t, whole(), "")
	cache := t.TempDir()
	delivered, err := os.ReadFile(filepath.Join(n.dir, "package"))
	if err != nil {
		t.Fatal(err)
	}
	// As it looks when the machine stops while it unpacks: the archive is there, and half of the library.
	half := filepath.Join(cache, "1.2.3", "lib.so.partial")
	if err := os.MkdirAll(filepath.Dir(half), 0o755); err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{half: []byte("the lib"), filepath.Join(cache, "1.2.3.tgz"): delivered} {
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	path, err := locate(t, source, cache)
	wantLibrary(t, path, err)
	if got := n.runs(t); got != 0 {
		t.Errorf("npm ran %d times though the archive was there", got)
	}
}

func TestLocateMendsATruncatedLibrary(t *testing.T) {
	t.Parallel()
	_, source := newNPM(t, whole(), "")
	cache := t.TempDir()
	path, err := locate(t, source, cache)
	wantLibrary(t, path, err)
	if err := os.Truncate(path, 3); err != nil {
		t.Fatal(err)
	}
	path, err = locate(t, source, cache)
	wantLibrary(t, path, err)
}

func TestLocateRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		members map[string]string
		script  string
		change  func(*libfetch.Source)
		want    string
	}{
		"another package": {members: whole(), change: func(s *libfetch.Source) { s.SHA256 = strings.Repeat("0", 64) }, want: "it is not used"},
		"no library":      {members: map[string]string{"package/readme": "x"}, want: "there is no package/lib.so"},
		"another size":    {members: map[string]string{"package/lib.so": "short"}, want: "not the pinned"},
		"no npm":          {members: whole(), change: func(s *libfetch.Source) { s.NPM += "-missing" }, want: "npm, which would fetch it, is not installed"},
		"npm fails":       {members: whole(), script: "echo E404 not found >&2; exit 1", want: "E404 not found"},
		"npm delivers two": {members: whole(), script: "touch other.tgz",
			want: "left 2 archives"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, source := newNPM(t, c.members, c.script)
			if c.change != nil {
				c.change(&source)
			}
			cache := t.TempDir()
			_, err := locate(t, source, cache)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "or do without it") {
				t.Errorf("got %v, want %q and the advice", err, c.want)
			}
			if _, err := os.Stat(filepath.Join(cache, "1.2.3", "lib.so")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("something is there under the library's name: %v", err)
			}
			if left, err := filepath.Glob(filepath.Join(cache, "download-*")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestLocateEndsWithItsContext(t *testing.T) {
	t.Parallel()
	_, source := newNPM(t, whole(), "exec sleep 60")
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := source.Locate(ctx, t.TempDir(), func(string) {})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 40*time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
}

func ExampleSource_Locate() {
	source := libfetch.Source{Package: "@some/lib", Version: "1.2.3", NPM: "/nonexistent/npm", Advice: "name another one"}
	dir, err := os.MkdirTemp("", "cache")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	_, err = source.Locate(context.Background(), dir, func(string) {})
	fmt.Println(err)
	// Output: fetch @some/lib 1.2.3: npm, which would fetch it, is not installed (it comes with Node.js); name another one
}
