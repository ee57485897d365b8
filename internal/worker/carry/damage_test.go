package carry_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"recount/internal/archive"
	"recount/internal/worker/carry"
)

// TestADamagedArchiveIsRefused, with what is wrong, before anything is written.
func TestADamagedArchiveIsRefused(t *testing.T) {
	t.Parallel()
	from, to := newCluster(t), newCluster(t)
	from.fill(12, 3)
	damage := map[string]struct {
		do   func(t *testing.T, dir string, m *archive.Manifest)
		want string
	}{
		"a byte": {func(t *testing.T, dir string, m *archive.Manifest) {
			rewrite(t, filepath.Join(dir, m.Files[1].Path), func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		}, "is damaged"},
		"a file's end": {func(t *testing.T, dir string, m *archive.Manifest) {
			rewrite(t, filepath.Join(dir, m.Files[1].Path), func(b []byte) []byte { return b[:len(b)-1] })
		}, "is damaged"},
		"no file": {func(t *testing.T, dir string, m *archive.Manifest) {
			if err := os.Remove(filepath.Join(dir, m.Files[0].Path)); err != nil {
				t.Fatal(err)
			}
		}, "lacks a file"},
		"no manifest": {func(t *testing.T, dir string, _ *archive.Manifest) {
			if err := os.Remove(filepath.Join(dir, archive.ManifestName)); err != nil {
				t.Fatal(err)
			}
		}, "there is no archive"},
		"another format": {func(t *testing.T, dir string, _ *archive.Manifest) {
			rewrite(t, filepath.Join(dir, archive.ManifestName), func(b []byte) []byte {
				return bytes.Replace(b, []byte(archive.Format), []byte("recount-archive/9"), 1)
			})
		}, "its format is"},
		"no JSON": {func(t *testing.T, dir string, _ *archive.Manifest) {
			rewrite(t, filepath.Join(dir, archive.ManifestName), func(b []byte) []byte { return b[:len(b)/2] })
		}, "no manifest"},
		"another number of partitions": {edit(func(m *archive.Manifest) { m.Partitions = 4 }), "partitions"},
		"a file that is not listed":    {edit(func(m *archive.Manifest) { m.Files = m.Files[1:] }), "missing, or there twice"},
		"a file that is listed twice":  {edit(func(m *archive.Manifest) { m.Files = append(m.Files[:1:1], m.Files...) }), "missing, or there twice"},
		"a path out of the folder":     {edit(func(m *archive.Manifest) { m.Files[0].Path = "../" + m.Files[0].Path }), "is no file of"},
		"a topic that is not listed":   {edit(func(m *archive.Manifest) { m.Topics = m.Topics[1:] }), "there is no"},
		"a number of events":           {edit(func(m *archive.Manifest) { m.Files[0].Records-- }), "the manifest says"},
		"a schema of a newer program":  {edit(func(m *archive.Manifest) { m.Schemas[0].Version = 99 }), "this program does not"},
		"another schema":               {edit(func(m *archive.Manifest) { m.Schemas[0].Fingerprint = "00" }), "is another in the archive"},
		"an export that has not ended": {edit(func(m *archive.Manifest) { m.Cut = nil }), "has not ended"},
	}
	for what, tc := range damage {
		dir := t.TempDir()
		if _, err := from.export(dir); err != nil {
			t.Fatal(err)
		}
		m, err := archive.Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		tc.do(t, dir, m)
		if _, err := to.importing(dir).Run(t.Context()); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %q", what, err, tc.want)
		}
		to.untouched(what)
	}
}

func edit(do func(*archive.Manifest)) func(*testing.T, string, *archive.Manifest) {
	return func(t *testing.T, dir string, m *archive.Manifest) {
		t.Helper()
		do(m)
		if err := m.Save(dir); err != nil {
			t.Fatal(err)
		}
	}
}

func rewrite(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestABrokenChainIsNotImported: an archive keeps what the log had, and whoever makes hashes of files can make others. So
// the chains are walked, too.
func TestABrokenChainIsNotImported(t *testing.T) {
	t.Parallel()
	from, to, dir := newCluster(t), newCluster(t), t.TempDir()
	from.fill(4, 2)
	from.deposit("acct-2", func(value []byte) { value[len(value)-1] ^= 1 })
	if _, err := from.export(dir); err != nil {
		t.Fatal(err)
	}
	_, err := to.importing(dir).Run(t.Context())
	mustBe(t, err, carry.ErrBroken)
	if err == nil || !strings.Contains(err.Error(), "account acct-2 at version 3") {
		t.Errorf("got %v", err)
	}
	to.untouched("a broken chain")
	x := to.importing(dir)
	x.Without = carry.GuardVerify
	if _, err := x.Run(t.Context()); err != nil {
		t.Errorf("it is found without the guard as well: %v", err)
	}
}
