package ingest

import (
	"strconv"
	"strings"
	"time"
)

// preferredWait finds the wait preference among the values of Prefer headers (RFC 7240): how long the caller would wait
// for the outcome. The first one counts; one that can't be understood is ignored, as preferences are.
func preferredWait(values []string) (time.Duration, bool) {
	for _, value := range values {
		for _, preference := range splitQuoted(value, ',') {
			name, given, _ := strings.Cut(splitQuoted(preference, ';')[0], "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			given = strings.TrimSpace(given)
			if unquoted, err := strconv.Unquote(given); err == nil && strings.HasPrefix(given, `"`) {
				given = unquoted
			}
			seconds, err := strconv.ParseUint(given, 10, 31)
			if err != nil {
				return 0, false
			}
			return time.Duration(seconds) * time.Second, true
		}
	}
	return 0, false
}

// splitQuoted splits s at sep, but not inside a quoted string.
func splitQuoted(s string, sep byte) []string {
	var parts []string
	start, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}
