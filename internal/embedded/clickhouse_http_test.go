package embedded_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"recount/internal/embedded"
)

// ask sends one request and returns its status and body.
func ask(t *testing.T, c *embedded.ClickHouse, method, parameters, body string) (int, string) {
	t.Helper()
	status, text, err := tryAsk(soon(t), c, method, parameters, body)
	if err != nil {
		t.Fatal(err)
	}
	return status, text
}

func tryAsk(ctx context.Context, c *embedded.ClickHouse, method, parameters, body string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.URL()+"/?"+parameters, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, strings.TrimSpace(string(text)), err
}

// wantAnswer checks a status and the start of a body.
func wantAnswer(t *testing.T, c *embedded.ClickHouse, method, parameters, body string, status int, start string) {
	t.Helper()
	if got, text := ask(t, c, method, parameters, body); got != status || !strings.HasPrefix(text, start) {
		t.Errorf("%s ?%s with the body %.60q: %d %.200s, want %d %s", method, parameters, body, got, text, status, start)
	}
}

// httpTables starts a ClickHouse with small limits and a table books.t.
func httpTables(t *testing.T) *embedded.ClickHouse {
	t.Helper()
	c := startClickHouse(t, embedded.ClickHouseOptions{DataDir: t.TempDir(), MaxInsertBytes: 1 << 10, MaxMemoryBytes: 512 << 20})
	wantAnswer(t, c, "POST", "", "CREATE DATABASE books", 200, "")
	wantAnswer(t, c, "POST", "database=books", "CREATE TABLE t (a UInt64, b String) ENGINE = MergeTree ORDER BY a", 200, "")
	return c
}

func TestClickHouseOverPlainHTTP(t *testing.T) {
	t.Parallel()
	c := httpTables(t)
	query := func(q string) string { return "database=books&query=" + url.QueryEscape(q) }
	for _, step := range []struct {
		method, parameters, body string
		status                   int
		start                    string
	}{
		{"GET", "", "", 200, "Ok."},
		{"GET", query("SELECT 1"), "", 200, "1"},
		{"POST", query("SELECT"), "2", 200, "2"}, // a query may go on in the body
		{"POST", "", "", 400, "Code: 62."},
		{"POST", "", "SELECT 1; SELECT 2", 400, "Code: 62."},
		{"POST", query("INSERT INTO t VALUES"), "(1, 'a;b')", 200, ""},
		{"POST", query("INSERT INTO t FORMAT JSONEachRow"), `{"a":2,"b":"x"}{"a":3}`, 200, ""},
		{"POST", "database=books", "INSERT INTO t FORMAT CSV\n4,\"x\"\n", 200, ""},
		{"POST", query("INSERT INTO t SETTINGS input_format_null_as_default = 1 FORMAT CSV"), "5,y\n", 200, ""},
		{"POST", query("INSERT INTO t SELECT a + 100, b FROM t"), "", 200, ""},
		{"POST", query("SELECT count(), sum(a) FROM t"), "", 200, "10\t530"},
		{"POST", query("INSERT INTO t FORMAT CSV 6,z"), "7,z", 501, "Code: 48."},
		{"POST", query("INSERT INTO t FORMAT CSV"), "no number,z", 400, "Code: 27."},
		{"POST", query("INSERT INTO t FORMAT CSV"), strings.Repeat("8,too much\n", 200), 413, "Code: 229."},
		{"POST", query("INSERT INTO t FORMAT CSV") + "&session_id=x", "9,z", 501, "Code: 48."},
		{"GET", query("INSERT INTO t VALUES (10, 'a GET changes nothing')"), "", 500, "Code: 164."},
		{"GET", query("DROP TABLE t"), "", 500, "Code: 164."},
		{"GET", query("DROP TABLE t") + "&readonly=0", "", 500, "Code: 164."},
		{"POST", query("SELECT count() FROM t"), "", 200, "10"},
		{"POST", query("SELECT {a:UInt64} + 1") + "&param_a=41", "", 200, "42"},
		{"POST", query("SELECT 1 AS a FORMAT JSONEachRow"), "", 200, `{"a":1}`},
		{"POST", query("SELECT 1") + "&default_format=CSVWithNames", "", 200, "\"1\"\n1"},
		{"POST", "database=nowhere", "SELECT 1", 404, "Code: 81."},
		{"POST", "", "SELECT throwIf(number = 500000) FROM numbers(1000000) FORMAT Null", 500, "Code: 395."},
		{"POST", "wait_end_of_query=1", "SELECT number, throwIf(number = 500000) FROM numbers(1000000)", 500, "Code: 395."},
		{"POST", "", "SELECT length(groupArray(number)) FROM numbers(100000000)", 500, "Code: 241."}, // memory
		{"POST", "", "SELECT 'still here'", 200, "still here"},
	} {
		wantAnswer(t, c, step.method, step.parameters, step.body, step.status, step.start)
	}
}

// TestAnAnswerIsOneDocument: however many blocks it is made of, and by the same bytes as one that was made as a whole. What
// comes in pieces has no summary.
func TestAnAnswerIsOneDocument(t *testing.T) {
	t.Parallel()
	c := startClickHouse(t, embedded.ClickHouseOptions{DataDir: t.TempDir()})
	const query = "SELECT number AS n, toString(n) AS s FROM numbers(5) SETTINGS max_block_size = 2, output_format_write_statistics = 0"
	for format, pieces := range map[string]bool{
		"Native": true, "RowBinary": true, "TabSeparated": true, "TSV": true, "TSVRaw": true, "TSKV": true, "CSV": true, "csv": true,
		"JSONEachRow": true, "JSONCompactEachRow": true, "JSONStringsEachRow": true,
		"JSON": false, "JSONCompact": false, "CSVWithNames": false, "TSVWithNames": false, "RowBinaryWithNames": false,
		"PrettyCompactMonoBlock": false, "Vertical": false, "Markdown": false, "XML": false, "Values": false, "Arrow": false, "Parquet": false,
	} {
		asked := "default_format=" + format
		_, whole := ask(t, c, "POST", asked+"&wait_end_of_query=1", query)
		if _, got := ask(t, c, "POST", asked, query); got != whole {
			t.Errorf("%s is\n%q, want\n%q", format, got, whole)
		}
		if _, got := ask(t, c, "POST", "", query+" FORMAT "+format); got != whole {
			t.Errorf("%s, named by the query, is\n%q, want\n%q", format, got, whole)
		}
		if summary := summaryOf(t, c, asked, query); (summary == "") != pieces {
			t.Errorf("%s comes with the summary %q; in pieces: %t", format, summary, pieces)
		}
	}
	totals := "SELECT n % 2 AS odd, count() FROM (" + query + ") GROUP BY odd WITH TOTALS ORDER BY odd"
	wantAnswer(t, c, "POST", "max_block_size=1", totals, 200, "0\t3\n1\t2\n\n0\t5")
}

// summaryOf is what an answer that was made as a whole says of itself before it begins.
func summaryOf(t *testing.T, c *embedded.ClickHouse, parameters, query string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(soon(t), http.MethodPost, c.URL()+"/?"+parameters, strings.NewReader(query))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.Header.Get("X-ClickHouse-Summary")
}

func TestClickHouseAnswersAreZippedOnRequest(t *testing.T) {
	t.Parallel()
	c := startClickHouse(t, embedded.ClickHouseOptions{DataDir: t.TempDir()})
	request, err := http.NewRequestWithContext(soon(t), "POST", c.URL()+"/?enable_http_compression=1", strings.NewReader("SELECT number FROM numbers(100000)"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept-Encoding", "gzip") // set by hand, so not undone by the client
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	zipped, err := gzip.NewReader(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(zipped); err != nil || !strings.HasSuffix(string(text), "\n99999\n") {
		t.Errorf("unzipped to %d bytes: %v", len(text), err)
	}
}

func TestClickHouseKeepsWebPagesOut(t *testing.T) {
	t.Parallel()
	c := startClickHouse(t, embedded.ClickHouseOptions{DataDir: t.TempDir()})
	for name, c := range map[string]struct {
		change func(*http.Request)
		path   string
		want   int
	}{
		"a program":           {func(*http.Request) {}, c.URL() + "/?query=SELECT+1", 200},
		"by name":             {func(r *http.Request) { r.Host = "localhost:8123" }, c.URL() + "/ping", 200},
		"IPv6":                {func(r *http.Request) { r.Host = "[::1]:8123" }, c.URL() + "/ping", 200},
		"a page's script":     {func(r *http.Request) { r.Header.Set("Origin", "https://example.com") }, c.URL() + "/ping", 403},
		"a rebound name":      {func(r *http.Request) { r.Host = "evil.example.com:8123" }, c.URL() + "/ping", 403},
		"a page's own origin": {func(r *http.Request) { r.Header.Set("Origin", "null") }, c.URL() + "/?query=SELECT+1", 403},
		"no such page":        {func(*http.Request) {}, c.URL() + "/play", 404},
	} {
		request, err := http.NewRequestWithContext(soon(t), "POST", c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.change(request)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != c.want {
			t.Errorf("%s: %d, want %d", name, response.StatusCode, c.want)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
	}
}

// slowQuery runs for minutes, unless it is killed.
const slowQuery = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 7"

const countSlow = "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64(number) = 7%' AND query NOT LIKE '%processes%'"

// awaitSlow waits until that many slow queries run.
func awaitSlow(t *testing.T, c *embedded.ClickHouse, want string) {
	t.Helper()
	var got string
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if _, got = ask(t, c, "POST", "", countSlow); got == want {
			return
		}
	}
	t.Fatalf("%s slow queries run, want %s", got, want)
}

func TestClickHouseKillsTheQueryOfAClientThatLeft(t *testing.T) {
	t.Parallel()
	c := startClickHouse(t, embedded.ClickHouseOptions{DataDir: t.TempDir()})
	for _, parameters := range []string{"", "wait_end_of_query=1", "log_comment=of+its+own"} {
		ctx, leave := context.WithCancel(context.Background())
		gone := make(chan error, 1)
		go func() {
			_, _, err := tryAsk(ctx, c, "POST", parameters, slowQuery)
			gone <- err
		}()
		awaitSlow(t, c, "1")
		leave()
		if err := <-gone; err == nil {
			t.Error("the client left and got an answer")
		}
		awaitSlow(t, c, "0")
	}
}

// TestClickHouseStopsWhileAQueryRuns: a SELECT is killed; an INSERT goes on whoever leaves, and ends with the process.
func TestClickHouseStopsWhileAQueryRuns(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]string{"SELECT": slowQuery, "INSERT": "INSERT INTO slow " + slowQuery} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startClickHouse(t, embedded.ClickHouseOptions{DataDir: t.TempDir()})
			ask(t, c, "POST", "", "CREATE TABLE slow (n UInt64) ENGINE = MergeTree ORDER BY n")
			answered := make(chan error, 1)
			go func() {
				_, _, err := tryAsk(context.Background(), c, "POST", "", query)
				answered <- err
			}()
			awaitSlow(t, c, "1")
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
			defer cancel()
			if err := c.Stop(ctx); err != nil {
				t.Error(err)
			}
			if err := <-answered; err == nil {
				t.Error("the query was answered by a server that had stopped")
			}
		})
	}
}

// TestClickHouseInsertsNothingOfATornBody: a client that dies in the middle of its data has inserted nothing.
func TestClickHouseInsertsNothingOfATornBody(t *testing.T) {
	t.Parallel()
	c := httpTables(t)
	conn, err := net.Dial("tcp", c.Addr())
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "POST /?query=%s HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n1,one\n\r\n6\r\n2,two\n\r\n",
		url.QueryEscape("INSERT INTO books.t FORMAT CSV"))
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil { // no final chunk
		t.Fatal(err)
	}
	status, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && strings.Contains(status, " 200 ") {
		t.Errorf("half an insert was acknowledged: %s", status)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	wantAnswer(t, c, "POST", "", "SELECT count() FROM books.t", 200, "0")
}
