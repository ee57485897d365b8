package inspect

import (
	"fmt"
	"time"
)

// ParseMoment reads a moment as people write it, and as a browser's field for dates does; without a zone it is UTC.
func ParseMoment(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time: write 2026-03-01T12:00:00Z, or 2026-03-01 12:00:00 in UTC, or a date for its first moment", text)
}

// Moment writes Unix milliseconds for people, in UTC.
func Moment(millis int64) string {
	return time.UnixMilli(millis).UTC().Format("2006-01-02 15:04:05.000")
}
