package estest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"recount/internal/es"
)

// UpdateVariable is the environment variable that lets Golden write its files, where the rules of a revision allow it.
const UpdateVariable = "RECOUNT_UPDATE_GOLDEN"

// Record is a record with a name for what it stands for.
type Record struct {
	Name string
	es.Recorded
}

// Golden compares what v makes of records with testdata/<view>.golden.
//
// Rows of the same revision go into ClickHouse under the same deduplication token, so rows that change for an old
// record without a new revision would be dropped half of the time and kept the other half. Golden refuses them even
// when it is told to update; new records, and a higher revision, it writes down.
func Golden(t *testing.T, v es.View, records ...Record) {
	t.Helper()
	now, err := snapshotOf(v, records)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", v.Name+".golden")
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	err = reconcile(parseSnapshot(string(text)), now)
	if outdated := (*outdatedError)(nil); errors.As(err, &outdated) && os.Getenv(UpdateVariable) != "" {
		if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
			err = os.WriteFile(path, []byte(now.text()), 0o644)
		}
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// snapshot is what one revision of a view makes of named records.
type snapshot struct {
	revision string
	records  []entry
}

type entry struct{ name, rows string }

func snapshotOf(v es.View, records []Record) (snapshot, error) {
	out := snapshot{revision: fmt.Sprint(v.Revision)}
	for _, r := range records {
		rows := es.NewRows(v.Tables...)
		if err := v.Map(r.Recorded, rows); err != nil {
			return snapshot{}, fmt.Errorf("mapping %s: %w", r.Name, err)
		}
		out.records = append(out.records, entry{r.Name, formatRows(rows)})
	}
	return out, nil
}

// formatRows writes a row as its table, then a line a column.
func formatRows(rows *es.Rows) string {
	var b bytes.Buffer
	for table, list := range rows.Each {
		values := reflect.ValueOf(list).Elem()
		for i := range values.Len() {
			fmt.Fprintf(&b, "%s\n", table)
			for f := range values.Type().Elem().NumField() {
				format := "    %s: %v\n"
				switch values.Index(i).Field(f).Interface().(type) {
				case string, []byte:
					format = "    %s: %q\n"
				}
				fmt.Fprintf(&b, format, values.Type().Elem().Field(f).Tag.Get("ch"), values.Index(i).Field(f).Interface())
			}
		}
	}
	return b.String()
}

const (
	revisionPrefix = "revision "
	recordPrefix   = "== "
)

func (s snapshot) text() string {
	var b strings.Builder
	b.WriteString(revisionPrefix + s.revision + "\n")
	for _, e := range s.records {
		b.WriteString(recordPrefix + e.name + "\n" + e.rows)
	}
	return b.String()
}

func parseSnapshot(text string) (s snapshot) {
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, revisionPrefix):
			s.revision = strings.TrimSpace(strings.TrimPrefix(line, revisionPrefix))
		case strings.HasPrefix(line, recordPrefix):
			s.records = append(s.records, entry{name: strings.TrimSpace(strings.TrimPrefix(line, recordPrefix))})
		case len(s.records) > 0:
			s.records[len(s.records)-1].rows += line
		}
	}
	return s
}

// outdatedError is a difference that may be written down.
type outdatedError struct{ problem string }

func (e *outdatedError) Error() string {
	return e.problem + "; run the test again with " + UpdateVariable + "=1 and read the difference"
}

// reconcile says why old does not stand for now. Only an outdatedError may be resolved by writing now down.
func reconcile(old, now snapshot) error {
	if old.revision != now.revision {
		return &outdatedError{fmt.Sprintf("it has revision %q, the view %q", old.revision, now.revision)}
	}
	for _, was := range old.records {
		i := slices.IndexFunc(now.records, func(e entry) bool { return e.name == was.name })
		switch {
		case i < 0:
			return fmt.Errorf("record %q is gone: old records keep on being read, so keep it in the test", was.name)
		case now.records[i].rows != was.rows:
			return fmt.Errorf("record %q gives other rows under the same revision: raise the view's Revision\nwas:\n%snow:\n%s",
				was.name, was.rows, now.records[i].rows)
		}
	}
	if len(now.records) > len(old.records) {
		return &outdatedError{"there are new records"}
	}
	return nil
}
