package serde

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"recount/domain"
	"recount/schemas/avro"
)

const (
	processTemplates = "testdata/process"
	schemasFolder    = "../../schemas/avro"
)

// TestProcessSchemasAreAlike sees that the events of every saga, but for its own Started, say the same in every
// namespace. With -update it writes those that are missing; Started is written by hand.
func TestProcessSchemasAreAlike(t *testing.T) {
	t.Parallel()
	templates, err := os.ReadDir(processTemplates)
	if err != nil {
		t.Fatal(err)
	}
	for _, ctx := range domain.Contexts() {
		for _, p := range ctx.Processes {
			for _, template := range templates {
				text, err := os.ReadFile(filepath.Join(processTemplates, template.Name()))
				if err != nil {
					t.Fatal(err)
				}
				want := strings.Replace(string(text), "CONTEXT.SAGA", ctx.Name+"."+p.Name(), 1)
				checkProcessSchema(t, ctx.Name+"/"+p.Name()+"/"+template.Name(), want)
			}
		}
	}
}

func checkProcessSchema(t *testing.T, path, want string) {
	t.Helper()
	got, err := fs.ReadFile(avro.FS, path)
	if errors.Is(err, fs.ErrNotExist) && *update {
		err = os.WriteFile(filepath.Join(schemasFolder, filepath.FromSlash(path)), []byte(want), 0o644)
		got = []byte(want)
	}
	if err != nil {
		t.Fatalf("%v: go test ./internal/serde -run TestProcessSchemasAreAlike -update writes it", err)
	}
	if string(got) != want {
		t.Errorf("%s differs from %s/%s", path, processTemplates, filepath.Base(path))
	}
}
