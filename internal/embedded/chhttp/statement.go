package chhttp

import (
	"strings"

	"recount/internal/embedded/chdb"
)

// statement is what the server must know of a query before the engine parses it.
type statement struct {
	verb       string // its first keyword in upper case: SELECT, INSERT …
	format     string // a query's own for its answer; empty: it names none
	totals     bool   // a query has a line of totals behind its rows
	clauses    int    // INSERT: where its trailing SETTINGS and FORMAT clauses start, or -1 if it has no FORMAT
	inlineData bool   // INSERT: data follows the FORMAT clause in the query itself
}

// parseStatement finds those things with a scanner that knows comments, quotes and brackets. Like a ClickHouse server
// over HTTP, and unlike the engine alone, it refuses several statements in one query: a migration that works here must
// work there.
func parseStatement(query string) (statement, error) {
	st := statement{clauses: -1}
	var previous token
	settingsAt, depth, ended := -1, 0, false
	for s := (scanner{text: query}); ; {
		t, ok := s.next()
		if !ok {
			return st, nil
		}
		if ended {
			return st, chdb.NewException(codeSyntaxError, "SYNTAX_ERROR", "Syntax error: multi-statements are not allowed")
		}
		switch {
		case t.kind == punctuation && t.text == ";":
			ended = true
		case t.kind == punctuation && strings.Contains("([{", t.text):
			depth++
		case t.kind == punctuation && strings.Contains(")]}", t.text):
			depth--
		case t.kind != word:
		case st.verb == "":
			st.verb = strings.ToUpper(t.text)
		case depth == 0 && t.is("SETTINGS"):
			settingsAt = t.start
		case depth == 0 && t.is("TOTALS"):
			st.totals = true
		case depth == 0 && t.is("FORMAT") && !previous.namesNext():
			name, ok := s.peek()
			switch {
			case !ok || name.kind != word: // a column that is called so
			case st.verb != "INSERT":
				st.format = name.text // the last counts, for the same reason
			default:
				st.clauses = t.start
				if settingsAt >= 0 {
					st.clauses = settingsAt
				}
				st.inlineData = hasData(query[name.end:])
				return st, nil // what follows is data in any format, not SQL
			}
		}
		previous = t
	}
}

// namesNext tells that the token after this one is a table's or a column's name, be it spelled like a keyword.
func (t token) namesNext() bool {
	return t.is("INTO") || t.is("TABLE") || t.is("FROM") || t.is("JOIN") || t.is("AS") || t.is("SELECT") ||
		t.kind == punctuation && (t.text == "." || t.text == ",")
}

// hasData tells whether anything but an end of statement follows an INSERT's format name.
func hasData(rest string) bool { return strings.Trim(rest, "; \t\r\n") != "" }
