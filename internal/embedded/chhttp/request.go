package chhttp

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"recount/internal/embedded/chdb"
)

// request is what the URL and the headers say. The body is read later, once the request has its turn.
type request struct {
	query           string // from the URL; the body may hold the query, the rest of it, or an INSERT's data
	database        string
	format          string // of the answer, where the query names none
	queryID         string
	settings        map[string]string
	params          []chdb.Param
	clientRevision  string // what clickhouse-go says it understands
	compressAnswer  bool   // in ClickHouse's own frames
	compressMethod  string
	decompressBody  bool
	gzipAnswer      bool
	waitEndOfQuery  bool // the whole answer first, so that every failure has a status
	changesNothing  bool // a GET request: read-only, as with a real server
	contentEncoding string
}

// ignored are parameters of the HTTP interface that change nothing here: there is one user without a password, no
// quotas, and no progress to report.
var ignored = []string{
	"user", "password", "quota_key", "stacktrace", "buffer_size", "http_zlib_compression_level",
	"network_zstd_compression_level", "send_progress_in_http_headers", "http_headers_progress_interval_ms",
}

// refused are parameters that would change the answer if they were ignored.
var refused = []string{"session_id", "session_timeout", "session_check", "close_session", "role"}

// identifier is what a setting's name must look like before it is pasted into SET.
var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func parseRequest(r *http.Request) (*request, error) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		return nil, chdb.NewException(codeNotImplemented, "NOT_IMPLEMENTED", "External tables are not supported by the embedded ClickHouse")
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, chdb.NewException(codeBadArguments, "BAD_ARGUMENTS", "Malformed URL: %v", err)
	}
	req := &request{
		database:        r.Header.Get("X-ClickHouse-Database"),
		format:          r.Header.Get("X-ClickHouse-Format"),
		settings:        map[string]string{},
		changesNothing:  r.Method == http.MethodGet || r.Method == http.MethodHead,
		contentEncoding: r.Header.Get("Content-Encoding"),
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if err := req.set(name, values.Get(name)); err != nil {
			return nil, err
		}
	}
	if req.format == "" {
		req.format = "TabSeparated"
	}
	req.gzipAnswer = req.gzipAnswer && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
	return req, nil
}

// set takes one URL parameter: one of the interface's own, a query parameter, or else a setting.
func (req *request) set(name, value string) error {
	switch name {
	case "query":
		req.query = value
	case "database":
		req.database = value
	case "default_format":
		req.format = value
	case "query_id":
		req.queryID = value
	case "client_protocol_version":
		req.clientRevision = value
	case "compress":
		req.compressAnswer = isOn(value)
	case "network_compression_method":
		req.compressMethod = value
	case "decompress":
		req.decompressBody = isOn(value)
	case "enable_http_compression":
		req.gzipAnswer = isOn(value)
	case "wait_end_of_query":
		req.waitEndOfQuery = isOn(value)
	default:
		return req.setOther(name, value)
	}
	return nil
}

func (req *request) setOther(name, value string) error {
	if param, ok := strings.CutPrefix(name, "param_"); ok {
		req.params = append(req.params, chdb.Param{Name: param, Value: value})
		return nil
	}
	switch {
	case slices.Contains(ignored, name), value == "":
	case slices.Contains(refused, name):
		return chdb.NewException(codeNotImplemented, "NOT_IMPLEMENTED",
			"The embedded ClickHouse has no sessions and no roles, but the request asks for %s", name)
	case !identifier.MatchString(name):
		return chdb.NewException(codeUnknownSetting, "UNKNOWN_SETTING", "Unknown setting '%s'", name)
	default:
		req.settings[name] = value
	}
	return nil
}

func isOn(value string) bool { return value == "1" || strings.EqualFold(value, "true") }
