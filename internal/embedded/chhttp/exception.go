package chhttp

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"recount/internal/embedded/chdb"
)

// ClickHouse's error codes for failures of this server itself.
const (
	codeBadArguments       = 36
	codeNotImplemented     = 48
	codeSyntaxError        = 62
	codeCompressionUnknown = 89
	codeUnknownSetting     = 115
	codeTooManyQueries     = 202
	codeQueryTooLarge      = 229
	codeUnknown            = 1002
)

// statusByCode is ClickHouse's own table (exceptionCodeToHTTPStatus). What is not in it is 500, which is also what the
// table says to the two failures a client may want to try again: memory (241) and too many queries (202).
func statusByCode(code int) int {
	switch code {
	case 194: // no password given
		return http.StatusUnauthorized
	case 192, 193, 497, 512, 516: // users, passwords, rights
		return http.StatusForbidden
	case 6, 8, 15, 25, 26, 27, codeBadArguments, 37, 38, 41, 44, 53, codeSyntaxError, 72, 117, 123, 167, 168, 223, 321,
		376, 427, 441, 675, 676: // whatever cannot be parsed, or has the wrong type
		return http.StatusBadRequest
	case 46, 47, 50, 56, 60, 63, 73, 78, 81, codeUnknownSetting, 152, 336, 511: // unknown table, column, function …
		return http.StatusNotFound
	case codeQueryTooLarge:
		return http.StatusRequestEntityTooLarge
	case codeNotImplemented:
		return http.StatusNotImplemented
	case 76, 209, 439: // a file, a socket or a thread could not be had
		return http.StatusServiceUnavailable
	case 159: // max_execution_time is over
		return http.StatusRequestTimeout
	}
	return http.StatusInternalServerError
}

// asException gives every failure the form clients parse: a code, and a text that starts with it.
func asException(err error) *chdb.Exception {
	var exception *chdb.Exception
	if errors.As(err, &exception) {
		return exception
	}
	return chdb.NewException(codeUnknown, "UNKNOWN_EXCEPTION", "%v", err)
}

// writeException answers a request that has produced no output yet.
func writeException(w http.ResponseWriter, err error) {
	exception := asException(err)
	h := w.Header()
	h.Del("Content-Encoding")
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	h.Set("X-ClickHouse-Exception-Code", strconv.Itoa(exception.Code))
	w.WriteHeader(statusByCode(exception.Code))
	_, _ = io.WriteString(w, exception.Text+"\n") // a client that has gone needs no answer
}

// exceptionBlock is how an exception looks in the middle of an answer whose status has long been sent: framed by a
// marker and by the tag that a response header has announced, so that no data can be mistaken for it.
func exceptionBlock(err error, tag string) []byte {
	const marker = "__exception__"
	text := strings.TrimRight(asException(err).Text, "\n") + "\n"
	return fmt.Appendf(nil, "\r\n%s\r\n%s\r\n%s%d %s\r\n%s\r\n", marker, tag, text, len(text), tag, marker)
}
