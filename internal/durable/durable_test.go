package durable_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"recount/internal/durable"
)

func TestAFileIsWholeOrNotThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	write := func(text string, then error) error {
		return durable.Write(path, func(to io.Writer) error {
			_, err := io.WriteString(to, text)
			return errors.Join(err, then)
		})
	}
	expect := func(want string) {
		t.Helper()
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	if err := write("one", nil); err != nil {
		t.Fatal(err)
	}
	expect("one")
	broken := errors.New("broken")
	if err := write("two", broken); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	expect("one")
	if err := os.WriteFile(path+".partial", []byte("left by a process that was killed, and longer"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := write("three", nil); err != nil {
		t.Fatal(err)
	}
	expect("three")
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := durable.Write(filepath.Join(dir, "no", "such"), func(io.Writer) error { return nil }); err == nil {
		t.Error("a file was written where there is no folder")
	}
}

func TestAFolderIsItsOwners(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "bank.events", "3")
	for range 2 { // one that is there is no error
		if err := durable.Folder(path); err != nil {
			t.Fatal(err)
		}
	}
	for _, at := range []string{path, filepath.Dir(path)} {
		if info, err := os.Stat(at); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v: what is in it may be personal", at, info.Mode(), err)
		}
	}
	inTheWay := filepath.Join(dir, "file")
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := durable.Folder(filepath.Join(inTheWay, "3")); err == nil {
		t.Error("a folder was made below a file")
	}
}
