package chhttp

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"recount/internal/embedded/chdb"
)

// wantCode checks that err is an exception with that code.
func wantCode(t *testing.T, err error, code int) {
	t.Helper()
	var exception *chdb.Exception
	if !errors.As(err, &exception) || exception.Code != code {
		t.Errorf("got the error %v, want the code %d", err, code)
	}
}

func TestParseRequestSortsParameters(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPost, "/?query=SELECT+1&database=books&param_at=2026&max_threads=2&user=default&empty=&compress=1"+
		"&network_compression_method=ZSTD&decompress=1&default_format=Native&query_id=q&wait_end_of_query=1&insert_deduplication_token=a%2F1", nil)
	req, err := parseRequest(r)
	if err != nil {
		t.Fatal(err)
	}
	if req.query != "SELECT 1" || req.database != "books" || req.format != "Native" || req.queryID != "q" || req.changesNothing ||
		!req.compressAnswer || !req.decompressBody || !req.waitEndOfQuery || req.compressMethod != "ZSTD" {
		t.Errorf("parsed %+v", req)
	}
	if len(req.settings) != 2 || req.settings["max_threads"] != "2" || req.settings["insert_deduplication_token"] != "a/1" {
		t.Errorf("settings %v", req.settings)
	}
	if len(req.params) != 1 || req.params[0] != (chdb.Param{Name: "at", Value: "2026"}) {
		t.Errorf("parameters %v", req.params)
	}
}

func TestParseRequestRefuses(t *testing.T) {
	t.Parallel()
	for target, code := range map[string]int{
		"/?session_id=s":       codeNotImplemented,
		"/?role=admin":         codeNotImplemented,
		"/?bad%20name%3D1=2":   codeUnknownSetting,
		"/?a%3D1%2C%20b%20=x":  codeUnknownSetting,
		"/?query=%zz":          codeBadArguments,
		"/?max_threads%00=two": codeUnknownSetting,
	} {
		r := &http.Request{Method: http.MethodPost, Header: http.Header{}}
		path, query, _ := strings.Cut(target, "?")
		r.URL = &url.URL{Path: path, RawQuery: query}
		_, err := parseRequest(r)
		wantCode(t, err, code)
	}
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	_, err := parseRequest(r)
	wantCode(t, err, codeNotImplemented)
}

func TestSetStatement(t *testing.T) {
	t.Parallel()
	got := setStatement(map[string]string{"readonly": "2", "z": `it's a \`, "a": "1"})
	if want := `SET a = '1', z = 'it\'s a \\', readonly = '2'`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := quoteName("a`b"); got != "`a\\`b`" {
		t.Errorf("quoted to %s", got)
	}
}

func TestLimitedNeverLooksComplete(t *testing.T) {
	t.Parallel()
	if text, err := io.ReadAll(&limited{from: strings.NewReader("1234"), limit: 4}); err != nil || string(text) != "1234" {
		t.Errorf("a body of exactly the limit: %q, %v", text, err)
	}
	_, err := io.ReadAll(&limited{from: strings.NewReader("12345"), limit: 4})
	wantCode(t, err, codeQueryTooLarge)
}

func TestDecodeBody(t *testing.T) {
	t.Parallel()
	var zipped strings.Builder
	w := gzip.NewWriter(&zipped)
	if _, err := io.WriteString(w, "SELECT 1"); err != nil || w.Close() != nil {
		t.Fatal("gzip:", err)
	}
	body, err := (&request{contentEncoding: "gzip"}).decodeBody(strings.NewReader(zipped.String()))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(body); err != nil || string(text) != "SELECT 1" {
		t.Errorf("unzipped to %q: %v", text, err)
	}
	if _, err := (&request{contentEncoding: "gzip"}).decodeBody(strings.NewReader("no gzip")); err == nil {
		t.Error("read what is not gzip")
	}
	_, err = (&request{contentEncoding: "br"}).decodeBody(strings.NewReader(""))
	wantCode(t, err, codeCompressionUnknown)
	body, err = (&request{decompressBody: true}).decodeBody(strings.NewReader("these are no frames, but longer than a header"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(body); err == nil {
		t.Error("read what are not frames")
	}
}

func TestTurns(t *testing.T) {
	t.Parallel()
	s := NewServer(nil, Limits{Queries: 1, Waiting: 1})
	ctx, leave := context.WithCancel(context.Background())
	if err := s.enter(ctx); err != nil {
		t.Fatal(err)
	}
	second := make(chan error)
	go func() { second <- s.enter(ctx) }()
	for len(s.waiting) < 2 { // until it waits
		select {
		case err := <-second:
			t.Fatalf("two run where one may: %v", err)
		default:
		}
	}
	wantCode(t, s.enter(ctx), codeTooManyQueries)
	s.leave()
	if err := <-second; err != nil {
		t.Errorf("the one that waited: %v", err)
	}
	third := make(chan error)
	go func() { third <- s.enter(ctx) }()
	leave()
	if err := <-third; !errors.Is(err, context.Canceled) {
		t.Errorf("a client that left while it waited: %v", err)
	}
	s.leave()
	if len(s.running) != 0 || len(s.waiting) != 0 {
		t.Errorf("%d run and %d wait after all have left", len(s.running), len(s.waiting))
	}
}

func TestExceptionStatus(t *testing.T) {
	t.Parallel()
	for code, status := range map[int]int{62: 400, 60: 404, 81: 404, 159: 408, 229: 413, 241: 500, 48: 501, 497: 403, 194: 401, 439: 503, 395: 500} {
		if got := statusByCode(code); got != status {
			t.Errorf("code %d has the status %d, want %d", code, got, status)
		}
	}
	w := httptest.NewRecorder()
	writeException(w, errors.New("disk gone"))
	if w.Code != 500 || w.Header().Get("X-ClickHouse-Exception-Code") != "1002" || !strings.HasPrefix(w.Body.String(), "Code: 1002. DB::Exception: disk gone") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}
