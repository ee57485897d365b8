package pebble

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"recount/internal/statestore"
)

func TestConfigNamesEveryFault(t *testing.T) {
	t.Parallel()
	_, err := Open(Config{CacheBytes: -1, MemtableBytes: 1})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"state directory", "state cache", "state memtable"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not mention the %s", err, want)
		}
	}
}

func TestAStateIsItsOwners(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "recount", "state")
	root, err := Open(small(nil, dir))
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{dir, filepath.Dir(dir)} {
		if info, err := os.Stat(at); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v: what is in it may be personal", at, info.Mode(), err)
		}
	}
	if err := root.Close(); err != nil {
		t.Error(err)
	}
}

// TestDamage: a directory that cannot be read says what to do, and is left as it is.
func TestDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root, err := Open(small(nil, dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := root.Close(); err != nil {
		t.Fatal(err)
	}
	manifests, err := filepath.Glob(filepath.Join(dir, "MANIFEST-*"))
	if err != nil || len(manifests) == 0 {
		t.Fatalf("manifests: %q, %v", manifests, err)
	}
	garbage := bytes.Repeat([]byte("garbage "), 100)
	for _, name := range manifests {
		if err := os.WriteFile(name, garbage, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err = Open(small(nil, dir))
	if err == nil || !strings.Contains(err.Error(), "is damaged") || !strings.Contains(err.Error(), "move the directory away") {
		t.Fatalf("open: %v, want what to do", err)
	}
	if left, err := os.ReadFile(manifests[0]); err != nil || !bytes.Equal(left, garbage) {
		t.Errorf("the damaged file was changed: %v", err)
	}
}

// TestUnwritable: a directory that cannot be made is not taken for a locked one.
func TestUnwritable(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	noLock := t.TempDir()
	if err := os.Mkdir(filepath.Join(noLock, "LOCK"), 0o700); err != nil {
		t.Fatal(err)
	}
	for what, dir := range map[string]string{"below a file": filepath.Join(file, "state"), "with no lock file": noLock} {
		_, err := Open(small(nil, dir))
		if err == nil || errors.Is(err, statestore.ErrLocked) || !strings.Contains(err.Error(), dir) {
			t.Errorf("open %s: %v", what, err)
		}
	}
}

// TestMetrics writes enough to reach the disk, and looks for what is not there.
func TestMetrics(t *testing.T) {
	t.Parallel()
	root, err := Open(small(vfs.NewMem(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := root.Open("bank.3")
	if err != nil {
		t.Fatal(err)
	}
	var b statestore.Batch
	for i := range 3000 {
		b.Set(fmt.Appendf(nil, "key-%06d", i), bytes.Repeat([]byte{byte(i)}, 100))
	}
	if err := s.Apply(&b); err != nil {
		t.Fatal(err)
	}
	if err := root.db.Flush(); err != nil {
		t.Fatal(err)
	}
	for i := range 500 {
		if _, ok, err := s.Get(fmt.Appendf(nil, "key-%06d-none", i)); ok || err != nil {
			t.Fatalf("get: %v, %v", ok, err)
		}
	}
	m, err := root.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	if m.DiskBytes < 10_000 || m.Flushes == 0 || m.MemtableBytes == 0 || m.OpenPartitions != 1 || m.ReadAmp == 0 {
		t.Errorf("metrics: %+v", m)
	}
	if m.FilterHits < 400 { // without Bloom filters there is none
		t.Errorf("filters spared %d of 500 lookups of nothing", m.FilterHits)
	}
	if err := errors.Join(s.Close(), root.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := root.Metrics(); !errors.Is(err, statestore.ErrClosed) {
		t.Errorf("metrics after close: %v, want ErrClosed", err)
	}
}

// TestCloseWaitsForScans closes the root in the middle of a scan: the scan sees all it began with.
func TestCloseWaitsForScans(t *testing.T) {
	t.Parallel()
	root, err := Open(small(vfs.NewMem(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := root.Open("bank.3")
	if err != nil {
		t.Fatal(err)
	}
	var b statestore.Batch
	for i := range 100 {
		b.Set(fmt.Appendf(nil, "key-%06d", i), []byte("v"))
	}
	if err := s.Apply(&b); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	seen := 0
	for _, err := range s.Scan(nil, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if seen++; seen == 1 {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			go func() { closed <- root.Close() }()
			for !errors.Is(metricsError(root), statestore.ErrClosed) {
				runtime.Gosched()
			}
		}
		select {
		case err := <-closed:
			t.Fatalf("the root closed under a scan: %v", err)
		default:
		}
	}
	if err := <-closed; err != nil || seen != 100 {
		t.Errorf("close: %v; saw %d of 100", err, seen)
	}
}

func metricsError(root *Root) error {
	_, err := root.Metrics()
	return err
}

func TestLogger(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := logger{slog.New(slog.NewTextHandler(&out, nil))} // info and above
	l.Infof("flushed %d", 1)
	if out.Len() > 0 {
		t.Errorf("running commentary at info: %s", out.String())
	}
	l.background(errors.New("disk full"))
	if !strings.Contains(out.String(), "level=ERROR") || !strings.Contains(out.String(), "disk full") {
		t.Errorf("error logged as %q", out.String())
	}
	defer func() {
		if recover() == nil {
			t.Error("Fatalf returned")
		}
	}()
	l.Fatalf("cannot write the log")
}
