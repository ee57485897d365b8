package ingest

import (
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"
)

// idBytesMax is the aggregator's own limit for aggregate and command IDs: a longer one would only become a dead letter.
const idBytesMax = 512

// checkID says what is wrong with an identifier that somebody else chose.
func checkID(id string) error {
	switch {
	case id == "":
		return fmt.Errorf("must not be empty")
	case len(id) > idBytesMax:
		return fmt.Errorf("is %d bytes long, more than %d", len(id), idBytesMax)
	case !utf8.ValidString(id):
		return fmt.Errorf("is not valid UTF-8")
	case id == "." || id == "..":
		return fmt.Errorf("must not be %q: no address could name it", id)
	}
	for _, r := range id {
		switch {
		case unicode.IsControl(r):
			return fmt.Errorf("holds the control character %U", r)
		case r == utf8.RuneError: // what a decoder puts in place of what it can't read: two IDs could become one
			return fmt.Errorf("holds %U, which stands for text that was lost", r)
		}
	}
	return nil
}

// The views hold times of these years (DateTime64). One outside would be accepted now and park its aggregate later.
const (
	validYearMin = 1900
	validYearMax = 2299
)

// parseValidAt reads an RFC 3339 time. What is finer than a millisecond is cut off.
func parseValidAt(s string) (int64, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return 0, fmt.Errorf("%q is no RFC 3339 time such as 2026-03-01T00:00:00Z", s)
	}
	if y := t.UTC().Year(); y < validYearMin || y > validYearMax {
		return 0, fmt.Errorf("%q lies outside the years %d to %d", s, validYearMin, validYearMax)
	}
	return t.UnixMilli(), nil
}
