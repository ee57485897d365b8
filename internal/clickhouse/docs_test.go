package clickhouse

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"recount/internal/embedded/embeddedtest"
)

var update = flag.Bool("update", false, "write the table of errors into docs/clickhouse.md")

func TestTheErrorsThatAreTriedAgainAreDocumented(t *testing.T) {
	t.Parallel()
	const path, begin, end = "../../docs/clickhouse.md", "<!-- errors -->\n", "<!-- end of errors -->\n"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(raw), begin)
	_, tail, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has not both of %q and %q", path, begin, end)
	}
	var rows strings.Builder
	rows.WriteString("| code | error of the server | why it may pass |\n|---|---|---|\n")
	for _, e := range PassingErrors() {
		fmt.Fprintf(&rows, "| %d | `%s` | %s |\n", e.Code, e.Name, e.Why)
	}
	want := head + begin + rows.String() + end + tail
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(raw) != want {
		t.Errorf("%s lists other errors: go test ./internal/clickhouse -run Documented -update", path)
	}
}

// TestTheUsersAreReadable has the engine read the statements that make users. The embedded one keeps none, so that it can't
// carry them out.
func TestTheUsersAreReadable(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../docker/clickhouse/users.sql")
	if err != nil {
		t.Fatal(err)
	}
	db := openAt(t, embeddedtest.ClickHouse(t).URL())
	n := 0
	for s := range strings.SplitSeq(string(raw), ";\n") {
		if s = withoutComments(s); s == "" {
			continue
		}
		if _, err := db.Query(t.Context(), "EXPLAIN AST "+s); err != nil {
			t.Errorf("%v:\n%s", err, s)
		}
		n++
	}
	if n < 15 {
		t.Errorf("only %d statements: the test proves nothing", n)
	}
	if _, err := db.Query(t.Context(), "EXPLAIN AST GRANT SELCT ON recount.* TO nobody"); err == nil {
		t.Error("the engine takes whatever it is given")
	}
}

func withoutComments(statement string) string {
	var lines []string
	for line := range strings.SplitSeq(statement, "\n") {
		if !strings.HasPrefix(line, "--") {
			lines = append(lines, line)
		}
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
