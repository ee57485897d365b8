package chhttp

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"recount/internal/embedded/chdb"
)

// job is a statement ready to run.
type job struct {
	query     string
	statement statement
	data      *memoryFile // an INSERT's body, or nil
}

// newJob puts the query together from the URL and the body, or takes the body as an INSERT's data.
func newJob(req *request, body io.Reader, limits Limits) (*job, error) {
	st, err := parseStatement(req.query)
	if err != nil {
		return nil, err
	}
	if st.clauses >= 0 {
		return newInsert(req.query, st, &limited{from: body, limit: limits.InsertBytes})
	}
	text, err := io.ReadAll(&limited{from: body, limit: limits.QueryBytes})
	if err != nil {
		return nil, fmt.Errorf("read the query: %w", err)
	}
	query := req.query
	if len(text) > 0 && query != "" {
		query += "\n"
	}
	query += string(text)
	if st, err = parseStatement(query); err != nil {
		return nil, err
	}
	if st.verb == "" {
		return nil, chdb.NewException(codeSyntaxError, "SYNTAX_ERROR", "Syntax error: Empty query")
	}
	return &job{query: query, statement: st}, nil
}

func newInsert(query string, st statement, body io.Reader) (*job, error) {
	file, err := spool(body)
	if err != nil {
		return nil, err
	}
	rewritten, err := insertFromFile(query, st, file.path())
	if err != nil {
		return nil, closeAfter(file, err)
	}
	return &job{query: rewritten, statement: st, data: file}, nil
}

func (j *job) close() {
	if j.data != nil {
		_ = j.data.Close() // memory, read already: there is nothing to lose
	}
}

// stoppable tells whether the statement is a query, which the engine can be told to stop.
func (j *job) stoppable() bool {
	return j.statement.verb == "SELECT" || j.statement.verb == "WITH" || j.statement.verb == "FROM"
}

// streams tells whether the output can be produced piece by piece. The engine can do that for queries alone, and makes of
// every piece a document of its own, as if nothing came before it or after: with a header, or a bracket at either end. So
// the pieces must be of a format of which one behind the other is one.
func (j *job) streams(asked string) bool {
	format := cmp.Or(j.statement.format, asked)
	return j.stoppable() && !j.statement.totals &&
		slices.ContainsFunc(endless(), func(name string) bool { return strings.EqualFold(name, format) })
}

// endless are formats that have no beginning and no end.
func endless() []string {
	return []string{
		"Native", "RowBinary", "TabSeparated", "TSV", "TabSeparatedRaw", "TSVRaw", "Raw", "TSKV", "CSV", "LineAsString", "RawBLOB",
		"JSONEachRow", "JSONLines", "NDJSON", "JSONStringsEachRow", "JSONCompactEachRow", "JSONCompactStringsEachRow",
	}
}

// run executes the job and writes its output.
func (s *Server) run(ctx context.Context, req *request, j *job, out *answer) error {
	if req.isHello(j.query) {
		return s.sayHello(req, out)
	}
	settings := maps.Clone(req.settings)
	if req.changesNothing {
		settings[readonly] = "2" // as for every GET request to a server: SELECT and settings only
	}
	if j.stoppable() {
		mark := newTag()
		settings[commentSetting] = mark + " " + settings[commentSetting]
		defer s.killWhenGone(ctx, mark)()
	}
	conn, err := s.engine.open(req.database, settings)
	if err != nil {
		return err
	}
	defer conn.Close()
	if j.streams(req.format) && !req.waitEndOfQuery {
		err := conn.Stream(j.query, req.format, req.params, func(piece []byte) error {
			_, err := out.Write(piece)
			return err
		})
		if err == nil {
			return out.finish()
		}
		if out.started || !strings.Contains(err.Error(), "Streaming query is not supported") {
			return err
		}
	}
	return s.runWhole(conn, req, j, out)
}

// runWhole executes the job to its end before the first byte of output.
func (s *Server) runWhole(conn *chdb.Conn, req *request, j *job, out *answer) error {
	output, stats, err := conn.Query(j.query, req.format, req.params)
	if err != nil {
		return err
	}
	out.w.Header().Set("X-ClickHouse-Summary", fmt.Sprintf(`{"read_rows":"%d","written_rows":"%d","elapsed_ns":"%d"}`,
		stats.RowsRead, stats.RowsWritten, int64(stats.ElapsedSeconds*1e9)))
	if _, err := out.Write(output); err != nil {
		return err
	}
	return out.finish()
}

func (s *Server) sayHello(req *request, out *answer) error {
	block, err := s.engine.helloBlock(req.clientRevision)
	if err != nil {
		return chdb.NewException(codeBadArguments, "BAD_ARGUMENTS", "Bad client_protocol_version '%s'", req.clientRevision)
	}
	if _, err := out.Write(block); err != nil {
		return err
	}
	return out.finish()
}
