package embedded_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
	"golang.org/x/sync/errgroup"

	"recount/internal/embedded"
)

func startRegistry(t *testing.T, o embedded.RegistryOptions) *embedded.Registry {
	t.Helper()
	r, err := embedded.StartRegistry(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func registryClient(t *testing.T, url string) *sr.Client {
	t.Helper()
	client, err := sr.NewClient(sr.URLs(url))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// record is an Avro schema of a name.
func record(name string) sr.Schema {
	return sr.Schema{Type: sr.TypeAvro, Schema: fmt.Sprintf(`{"type":"record","name":%q,"fields":[{"name":"amount","type":"long"}]}`, name)}
}

// register registers a schema for each name under the subject "<name>-value" and returns name → ID.
func register(t *testing.T, url string, names ...string) map[string]int {
	t.Helper()
	client, ids := registryClient(t, url), map[string]int{}
	for _, name := range names {
		registered, err := client.CreateSchema(soon(t), name+"-value", record(name))
		if err != nil {
			t.Fatal(err)
		}
		ids[name] = registered.ID
	}
	return ids
}

func TestRegistryKeepsIDsWhenTheOrderIsReversed(t *testing.T) {
	t.Parallel()
	names := []string{"Opened", "Deposited", "Withdrawn"}
	reversed := slices.Clone(names)
	slices.Reverse(reversed)
	run := func(dir string) (before, after map[string]int) {
		first, err := embedded.StartRegistry(embedded.RegistryOptions{DataDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		before = register(t, first.URL(), names...)
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		again := startRegistry(t, embedded.RegistryOptions{DataDir: dir})
		return before, register(t, again.URL(), reversed...)
	}
	if before, after := run(t.TempDir()); fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("IDs before the restart %v, after it %v", before, after)
	}
	if before, after := run(""); fmt.Sprint(before) == fmt.Sprint(after) {
		t.Errorf("a registry in memory gave the same IDs %v again: the order does not matter, and the test proves nothing", after)
	}
}

func TestRegistrySharesAnIDBetweenSubjectsOverARestart(t *testing.T) {
	t.Parallel()
	o := embedded.RegistryOptions{DataDir: t.TempDir()}
	first, err := embedded.StartRegistry(o)
	if err != nil {
		t.Fatal(err)
	}
	client := registryClient(t, first.URL())
	register(t, first.URL(), "Opened")
	if _, err := client.CreateSchema(soon(t), "another", record("Opened")); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	client = registryClient(t, startRegistry(t, o).URL())
	one, err := client.SchemaByVersion(soon(t), "Opened-value", 1)
	if err != nil {
		t.Fatal(err)
	}
	other, err := client.SchemaByVersion(soon(t), "another", 1)
	if err != nil || one.ID != other.ID {
		t.Errorf("one schema under two subjects has the IDs %d and %d: %v", one.ID, other.ID, err)
	}
}

func TestRegistryKeepsVersionsReferencesAndSettings(t *testing.T) {
	t.Parallel()
	o := embedded.RegistryOptions{DataDir: t.TempDir()}
	first, err := embedded.StartRegistry(o)
	if err != nil {
		t.Fatal(err)
	}
	client := registryClient(t, first.URL())
	register(t, first.URL(), "Meta")
	using := record("V1")
	using.References = []sr.SchemaReference{{Name: "Meta", Subject: "Meta-value", Version: 1}}
	for _, schema := range []sr.Schema{using, record("V2")} {
		if _, err := client.CreateSchema(soon(t), "Opened-value", schema); err != nil {
			t.Fatal(err)
		}
	}
	for _, result := range client.SetCompatibility(soon(t), sr.SetCompatibility{Level: sr.CompatFullTransitive}, "Opened-value") {
		if result.Err != nil {
			t.Fatal(result.Err)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	client = registryClient(t, startRegistry(t, o).URL())
	versions, err := client.SubjectVersions(soon(t), "Opened-value")
	if err != nil || fmt.Sprint(versions) != "[1 2]" {
		t.Errorf("versions after the restart: %v, %v", versions, err)
	}
	schema, err := client.SchemaByVersion(soon(t), "Opened-value", 1)
	if err != nil || len(schema.References) != 1 {
		t.Errorf("references after the restart: %v, %v", schema.References, err)
	}
	if level := client.Compatibility(soon(t), "Opened-value")[0]; level.Level != sr.CompatFullTransitive {
		t.Errorf("compatibility after the restart: %v, %v", level.Level, level.Err)
	}
}

func TestRegistryIsOnDiskBeforeItAnswers(t *testing.T) {
	t.Parallel()
	o := embedded.RegistryOptions{DataDir: t.TempDir()}
	process, err := embedded.StartRegistryProcess(soon(t), o)
	if err != nil {
		t.Fatal(err)
	}
	before := register(t, "http://"+process.Addr(), "Opened", "Deposited")
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	if after := register(t, startRegistry(t, o).URL(), "Deposited", "Opened"); fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("IDs before kill -9 %v, after it %v", before, after)
	}
}

// TestRegistryAnswersManyAtOnceFromTheDisk: those that register at the same time share saves, and still each finds its
// schema in the file when it has its answer; so does one who only asks for an ID.
func TestRegistryAnswersManyAtOnceFromTheDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	client := registryClient(t, startRegistry(t, embedded.RegistryOptions{DataDir: dir}).URL())
	onDisk := func(name string) error {
		text, err := os.ReadFile(filepath.Join(dir, "schemas.json"))
		if err == nil && !strings.Contains(string(text), `"`+name+`-value"`) {
			err = fmt.Errorf("%s was answered and is not on disk", name)
		}
		return err
	}
	var g errgroup.Group
	for i := range 40 {
		name := fmt.Sprintf("Record%d", i)
		g.Go(func() error {
			if _, err := client.CreateSchema(soon(t), name+"-value", record(name)); err != nil {
				return err
			}
			return onDisk(name)
		})
		g.Go(func() error {
			if _, err := client.LookupSchema(soon(t), name+"-value", record(name)); err != nil {
				return nil // it came first
			}
			return onDisk(name)
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

func TestRegistryRefusesWhatItCannotKeep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := startRegistry(t, embedded.RegistryOptions{DataDir: dir})
	// A folder in the way of the file makes every write fail.
	if err := os.MkdirAll(filepath.Join(dir, "schemas.json.partial"), 0o755); err != nil {
		t.Fatal(err)
	}
	client := registryClient(t, r.URL())
	_, err := client.CreateSchema(soon(t), "Opened-value", record("Opened"))
	var refused *sr.ResponseError
	if !errors.As(err, &refused) || refused.StatusCode != http.StatusInternalServerError {
		t.Fatalf("a schema that could not be written was acknowledged: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "schemas.json.partial")); err != nil {
		t.Fatal(err)
	}
	register(t, r.URL(), "Opened") // and a retry is kept
	if text, err := os.ReadFile(filepath.Join(dir, "schemas.json")); err != nil || !strings.Contains(string(text), "Opened-value") {
		t.Errorf("the retry is not on disk: %s, %v", text, err)
	}
}

func TestRegistryForgetsNothing(t *testing.T) {
	t.Parallel()
	r := startRegistry(t, embedded.RegistryOptions{})
	register(t, r.URL(), "Opened")
	if _, err := registryClient(t, r.URL()).DeleteSubject(soon(t), "Opened-value", sr.SoftDelete); err == nil {
		t.Error("a subject could be deleted: its records would be unreadable")
	}
}

func TestRegistryRefusesContexts(t *testing.T) {
	t.Parallel()
	r := startRegistry(t, embedded.RegistryOptions{})
	client := registryClient(t, r.URL()+"/contexts/.other")
	if _, err := client.CreateSchema(soon(t), "Opened-value", record("Opened")); err == nil {
		t.Error("a schema was registered in a context, where nothing would keep it")
	}
	if subjects, err := registryClient(t, r.URL()).Subjects(soon(t)); err != nil || len(subjects) != 0 {
		t.Errorf("subjects %v, %v", subjects, err)
	}
}

func TestRegistryRefusesADamagedFile(t *testing.T) {
	t.Parallel()
	const twice = `{"format":1,"schemas":[
		{"subject":"a","version":1,"id":1,"type":"AVRO","schema":"\"long\""},
		{"subject":"a","version":1,"id":2,"type":"AVRO","schema":"\"int\""}]}`
	for name, c := range map[string]struct{ text, want string }{
		"no JSON":          {"{", "read the registry's schemas"},
		"a later format":   {`{"format":2}`, "does not know"},
		"a contradiction":  {twice, "contradicts itself"},
		"no such schema":   {`{"format":1,"schemas":[{"subject":"a","version":1,"id":1,"type":"AVRO","schema":"{"}]}`, "contradicts itself"},
		"no such setting":  {`{"format":1,"settings":{"/config":"{}}"}}`, "set /config again"},
		"a moved ID":       {strings.Replace(strings.Replace(twice, `"a","version":1,"id":2`, `"b","version":7,"id":1`, 1), `\"int\"`, `\"long\"`, 1), "came back as"},
		"a malformed path": {`{"format":1,"settings":{":":"{}"}}`, "set : again"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "schemas.json"), []byte(c.text), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := embedded.StartRegistry(embedded.RegistryOptions{DataDir: dir})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("started on a damaged file: %v", err)
			}
		})
	}
}
