package carry_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"recount/internal/archive"
	"recount/internal/kafka"
	"recount/internal/partition"
	"recount/internal/worker/carry"
)

// TestThereAndBack: out in two exports, of which the second adds to the first, and into another cluster, where everything
// but the offsets is as it was.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	from, to, dir := newCluster(t), newCluster(t), t.TempDir()
	from.fill(10, 5)
	first, err := from.export(dir)
	if err != nil || first.Events != 50 || first.Files <= partitions || !first.Manifest.Cut.Settled() {
		t.Fatalf("%+v, %v", first, err)
	}
	kept := filesIn(t, dir)
	from.fill(10, 3)
	const home = 1
	if err := kafka.SetGroupPlaces(t.Context(), from.cfg, "recount.bank.saga", kafka.Places{"bank.events": {home: 4}}); err != nil {
		t.Fatal(err)
	}
	second, err := from.export(dir)
	if err != nil || second.Events != 30 {
		t.Fatalf("%+v, %v", second, err)
	}
	for name, text := range filesIn(t, dir) {
		if before, ok := kept[name]; ok && before != text && name != archive.ManifestName {
			t.Errorf("%s was written again", name)
		}
	}
	if nothing, err := from.export(dir); err != nil || nothing.Events != 0 {
		t.Errorf("%+v, %v", nothing, err)
	}

	to.write(&kafka.Record{Topic: "recount.control", Value: []byte("an operator's order")}) // of no context
	done, err := to.importing(dir).Run(t.Context())
	if err != nil || done.Events != 80 || done.Wrote != 80 {
		t.Fatalf("%+v, %v", done, err)
	}
	if was, is := from.heads(), to.heads(); was.SHA256 != is.SHA256 || is.SHA256 != done.Heads || len(is.Heads) != 10 {
		t.Errorf("heads %s, %s and %s", was.SHA256, is.SHA256, done.Heads)
	}
	if was, is := from.records(), to.records(); !slices.Equal(was, is) || len(is) != 80 {
		t.Errorf("%d records of %d are as they were", len(is), len(was))
	}
	for group, suffix := range map[string]string{"aggregator": kafka.DispatchSuffix, "saga": kafka.InboxSuffix} {
		places, err := to.places("shop", group, suffix)
		if err != nil || !maps.Equal(places, map[int32]int64{0: 0, 1: 0, 2: 0}) {
			t.Errorf("%s stands at %v, %v", group, places, err)
		}
	}
	if places, err := to.places("bank", "saga", kafka.EventsSuffix); err != nil || !maps.Equal(places, map[int32]int64{home: 4}) {
		t.Errorf("processes stand at %v, %v", places, err)
	}
	if again, err := to.importing(dir).Run(t.Context()); err != nil || again.Wrote != 0 {
		t.Errorf("once more: %+v, %v", again, err)
	}
}

func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.HasSuffix(path, ".partial") {
			t.Errorf("%s was left behind", path)
		}
		name, _ := filepath.Rel(dir, path)
		out[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAnExportThatWasKilledGoesOn: what it has is listed, it can't be imported before its end, and in the end it is the
// archive that it would have been.
func TestAnExportThatWasKilledGoesOn(t *testing.T) {
	t.Parallel()
	c, dir, whole := newCluster(t), t.TempDir(), t.TempDir()
	c.fill(12, 10)
	if _, err := c.export(whole); err != nil {
		t.Fatal(err)
	}
	ctx, kill := context.WithCancel(t.Context())
	x := c.exporting(dir)
	x.Parallel, x.Progress = 1, func(p carry.Progress) {
		if p.Events > 60 {
			kill()
		}
	}
	if _, err := x.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if m, err := archive.Load(dir); err != nil || m.Cut != nil || len(m.Files) == 0 {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := c.importing(dir).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "run recount export again") {
		t.Errorf("it was imported: %v", err)
	}
	if _, err := c.export(dir); err != nil {
		t.Fatal(err)
	}
	if want, got := rangesIn(t, whole), rangesIn(t, dir); !slices.Equal(want, got) {
		t.Errorf("%v are not the ranges that one run writes, %v", got, want)
	}
	if err := loaded(t, dir).Check(t.Context(), dir); err != nil {
		t.Error(err)
	}
	if want, got := len(filesIn(t, whole)), len(filesIn(t, dir)); want != got {
		t.Errorf("%d files, one run writes %d", got, want)
	}
}

func loaded(t *testing.T, dir string) *archive.Manifest {
	t.Helper()
	m, err := archive.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// rangesIn are what an archive's files hold.
func rangesIn(t *testing.T, dir string) (out []string) {
	t.Helper()
	for _, f := range loaded(t, dir).Files {
		out = append(out, fmt.Sprintf("%s until %d: %d", f.Path, f.Until, f.Records))
	}
	return out
}

func TestAnImportThatWasKilledGoesOn(t *testing.T) {
	t.Parallel()
	from, to, dir := newCluster(t), newCluster(t), t.TempDir()
	from.fill(12, 10)
	if _, err := from.export(dir); err != nil {
		t.Fatal(err)
	}
	ctx, kill := context.WithCancel(t.Context())
	x := to.importing(dir)
	x.Parallel, x.Progress = 1, func(what string, p carry.Progress) {
		if what == "writing" && p.Events > 0 {
			kill()
		}
	}
	if _, err := x.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if places, err := to.places("bank", "aggregator", kafka.CommandsSuffix); err != nil || len(places) > 0 {
		t.Errorf("aggregators may begin: %v, %v", places, err)
	}
	done, err := to.importing(dir).Run(t.Context())
	if err != nil || done.Wrote == 0 || done.Wrote >= done.Events {
		t.Fatalf("%+v, %v", done, err)
	}
	if was, is := from.records(), to.records(); !slices.Equal(was, is) {
		t.Errorf("%d records of %d are as they were", len(is), len(was))
	}
}

func TestAnExportKnowsItsCluster(t *testing.T) {
	t.Parallel()
	c, other, dir := newCluster(t), newCluster(t), t.TempDir()
	c.fill(5, 2)
	if _, err := c.export(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := other.export(dir); err == nil || !strings.Contains(err.Error(), "another cluster") {
		t.Errorf("another cluster: %v", err)
	}
	x := c.exporting(dir)
	x.Partitions++
	if _, err := x.Run(t.Context()); err == nil {
		t.Error("another number of partitions was taken")
	}
	m, err := archive.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	m.Files[len(m.Files)-1].Until += 100
	if err := m.Save(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := c.export(dir); err == nil || !strings.Contains(err.Error(), "the log was cut") {
		t.Errorf("a log that ends before its archive: %v", err)
	}
}

// TestWhatIsUnderWayIsTold: such an archive is not imported by accident.
func TestWhatIsUnderWayIsTold(t *testing.T) {
	t.Parallel()
	from, to, dir := newCluster(t), newCluster(t), t.TempDir()
	from.fill(3, 1)
	from.write(&kafka.Record{Topic: "bank.commands", Partition: 1, Key: []byte("acct-1"), Value: []byte("undecided")})
	done, err := from.export(dir)
	if err != nil || done.Manifest.Cut.Settled() || len(done.Manifest.Cut.Waiting) != 1 || done.Manifest.Cut.Waiting[0] != (archive.Waiting{Topic: "bank.commands", Records: 1}) {
		t.Fatalf("%+v, %v", done, err)
	}
	_, err = to.importing(dir).Run(t.Context())
	mustBe(t, err, carry.ErrUnsettled)
	to.untouched("an archive of what was under way")
	x := to.importing(dir)
	x.AcceptLostCommands = true
	if _, err := x.Run(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestAnImportNeedsAnEmptyCluster, or one that an import of the same archive has begun to fill.
func TestAnImportNeedsAnEmptyCluster(t *testing.T) {
	t.Parallel()
	from, dir := newCluster(t), t.TempDir()
	from.fill(12, 3)
	if _, err := from.export(dir); err != nil {
		t.Fatal(err)
	}
	for what, use := range map[string]func(c *cluster){
		"a command": func(c *cluster) {
			c.write(&kafka.Record{Topic: "shop.commands", Value: []byte("a command")})
		},
		"a refusal": func(c *cluster) {
			c.write(&kafka.Record{Topic: "bank.refusals", Value: []byte("a refusal")})
		},
		"another event": func(c *cluster) { c.deposit("acct-of-this-cluster", nil) },
		"more events":   func(c *cluster) { c.fill(12, 4) },
		"a group's place": func(c *cluster) {
			if err := kafka.SetGroupPlaces(t.Context(), c.cfg, "recount.bank.aggregator", kafka.Places{"bank.commands": {0: 9}}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			use(c)
			_, err := c.importing(dir).Run(t.Context())
			mustBe(t, err, carry.ErrNotEmpty)
		})
	}
	t.Run("without looking, another's event is taken for the archive's", func(t *testing.T) {
		t.Parallel()
		c := newCluster(t)
		foreign := ""
		for n := 0; foreign == "" || partition.Of(foreign, partitions) != partition.Of("acct-0", partitions); n++ {
			foreign = "foreign-" + strings.Repeat("x", n)
		}
		c.deposit(foreign, nil)
		x := c.importing(dir)
		x.Without = carry.GuardResume
		if _, err := x.Run(t.Context()); err != nil {
			t.Errorf("it is found without the guard as well: %v", err)
		}
	})
}
