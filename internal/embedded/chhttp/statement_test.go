package chhttp

import (
	"errors"
	"strings"
	"testing"

	"recount/internal/embedded/chdb"
)

func TestParseStatement(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		query   string
		verb    string
		clauses string // what insertFromFile will put after the file; "" for none
		inline  bool
	}{
		{query: "", verb: ""},
		{query: "select 1", verb: "SELECT"},
		{query: "  -- hello; world\n# more\n/* a /* nested */ comment; */ (SELECT 1);  ", verb: "SELECT"},
		{query: "SELECT ';', `;`, \";\", 'it''s; \\'; --', $tag$ ; $tag$, $$;$$", verb: "SELECT"},
		{query: "SELECT '", verb: "SELECT"},
		{query: `SELECT '\`, verb: "SELECT"},
		{query: "SELECT /* open", verb: "SELECT"},
		{query: "SELECT $1", verb: "SELECT"},
		{query: "SELECT $open$ ;", verb: "SELECT"},
		{query: "SELECT 1 FORMAT JSON", verb: "SELECT"},
		{query: "INSERT INTO t FORMAT Native", verb: "INSERT", clauses: "FORMAT Native"},
		{query: "insert into t (a, b) settings async_insert=0, x='FORMAT CSV' format Native ;\n", verb: "INSERT",
			clauses: "settings async_insert=0, x='FORMAT CSV' format Native ;\n"},
		{query: "INSERT INTO t (format, settings) FORMAT CSV", verb: "INSERT", clauses: "FORMAT CSV"},
		{query: "INSERT INTO format VALUES (1)", verb: "INSERT"},
		{query: "INSERT INTO db.format FORMAT TSV", verb: "INSERT", clauses: "FORMAT TSV"},
		{query: "INSERT INTO t SELECT format FROM x", verb: "INSERT"},
		{query: "INSERT INTO t FORMAT", verb: "INSERT"},
		{query: "INSERT INTO t VALUES ('a;b'), (2)", verb: "INSERT"},
		{query: "INSERT INTO t FORMAT JSONEachRow {\"a\":\"x;y\"}; {\"a\":1}", verb: "INSERT", inline: true,
			clauses: "FORMAT JSONEachRow {\"a\":\"x;y\"}; {\"a\":1}"},
	} {
		st, err := parseStatement(c.query)
		if err != nil {
			t.Errorf("%q: %v", c.query, err)
			continue
		}
		clauses := ""
		if st.clauses >= 0 {
			clauses = c.query[st.clauses:]
		}
		if st.verb != c.verb || clauses != c.clauses || st.inlineData != c.inline {
			t.Errorf("%q is %+v with the clauses %q", c.query, st, clauses)
		}
	}
}

func TestFormatsAreFoundInQueries(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]struct {
		format string
		totals bool
	}{
		"SELECT 1": {},
		"SELECT 1 format JSON SETTINGS max_threads = 1;":       {format: "JSON"},
		"SELECT format, a AS format FROM format":               {},
		"SELECT (SELECT 1 FORMAT JSON), 'FORMAT CSV'":          {},
		"SELECT a FROM t ORDER BY format DESC FORMAT CSV":      {format: "CSV"},
		"SELECT a, count() FROM t GROUP BY a WITH TOTALS":      {totals: true},
		"INSERT INTO t (a) SETTINGS async_insert=0 FORMAT TSV": {},
	} {
		if st, err := parseStatement(query); err != nil || st.format != want.format || st.totals != want.totals {
			t.Errorf("%q: format %q, totals %t, %v; want %+v", query, st.format, st.totals, err, want)
		}
	}
}

func TestParseStatementRefusesTwo(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"SELECT 1; SELECT 2", "CREATE TABLE t (x Int8); --\n DROP TABLE t", "INSERT INTO t VALUES (1); SELECT 1"} {
		_, err := parseStatement(query)
		var exception *chdb.Exception
		if !errors.As(err, &exception) || exception.Code != codeSyntaxError {
			t.Errorf("%q: %v, want a syntax error", query, err)
		}
	}
}

// FuzzParseStatement: whatever the query, the scanner ends and stays inside it.
func FuzzParseStatement(f *testing.F) {
	for _, seed := range []string{"SELECT 1", "INSERT INTO t SETTINGS a=1 FORMAT Native", "'\\", "/*/*", "$a$b$", "`x;", "((;))"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		st, err := parseStatement(query)
		if err != nil {
			return
		}
		if st.clauses > len(query) || st.clauses >= 0 && !strings.Contains(strings.ToUpper(query[st.clauses:]), "FORMAT") {
			t.Errorf("%q: clauses at %d", query, st.clauses)
		}
	})
}

func TestInsertFromFile(t *testing.T) {
	t.Parallel()
	const query = "INSERT INTO t (a) SETTINGS x=1 FORMAT Native"
	st, err := parseStatement(query)
	if err != nil {
		t.Fatal(err)
	}
	got, err := insertFromFile(query, st, "/proc/self/fd/9")
	if want := "INSERT INTO t (a)  FROM INFILE '/proc/self/fd/9' COMPRESSION 'none' SETTINGS x=1 FORMAT Native"; err != nil || got != want {
		t.Errorf("rewritten to %q: %v", got, err)
	}
}
