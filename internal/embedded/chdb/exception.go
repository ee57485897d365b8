package chdb

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// codeUnknownException is what ClickHouse itself uses for a failure without a code of its own.
const codeUnknownException = 1002

var codePattern = regexp.MustCompile(`Code:\s*(\d+)\.`)

// Exception is a failure the engine reports, in the words and with the code every ClickHouse client knows.
type Exception struct {
	Code int    // for example 60: the table does not exist
	Text string // "Code: 60. DB::Exception: … (UNKNOWN_TABLE)"
}

// Error returns the exception's whole text.
func (e *Exception) Error() string { return e.Text }

// NewException words a failure of the server around the engine as the engine would.
func NewException(code int, name, format string, args ...any) *Exception {
	return &Exception{Code: code, Text: fmt.Sprintf("Code: %d. DB::Exception: %s. (%s)", code, fmt.Sprintf(format, args...), name)}
}

// parseException reads the code out of the engine's message. A message without one, which a few paths of the library
// produce, gets the code for "unknown".
func parseException(message string) *Exception {
	message = strings.TrimRight(message, "\n")
	at := codePattern.FindStringSubmatchIndex(message)
	if at == nil {
		return NewException(codeUnknownException, "UNKNOWN_EXCEPTION", "%s", strings.TrimSuffix(message, "."))
	}
	code, err := strconv.Atoi(message[at[2]:at[3]])
	if err != nil {
		code = codeUnknownException
	}
	return &Exception{Code: code, Text: message[at[0]:]}
}
