package timeline

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"recount/internal/worker/inspect"
)

// choice is which part of a history somebody asked for, as it was typed. At most one of its parts is given.
type choice struct{ at, version, diff string }

func (c choice) validate() error {
	given := 0
	for _, is := range []bool{c.at != "", c.version != "", c.diff != ""} {
		if is {
			given++
		}
	}
	var faults []error
	if given > 1 {
		faults = append(faults, errors.New("--at, --version and --diff ask different questions: give one of them"))
	}
	check := func(flag, text string, err error) {
		if text != "" && err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", flag, err))
		}
	}
	_, err := inspect.ParseMoment(c.at)
	check("--at", c.at, err)
	_, err = parseVersion(c.version)
	check("--version", c.version, err)
	_, _, err = parseRange(c.diff)
	check("--diff", c.diff, err)
	return errors.Join(faults...)
}

func parseVersion(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is no version: they count from 1, and 0 is before the first event", text)
	}
	return n, nil
}

// parseRange reads N..M.
func parseRange(text string) (from, to int64, err error) {
	before, after, found := strings.Cut(text, "..")
	from, err1 := parseVersion(before)
	to, err2 := parseVersion(after)
	switch {
	case !found || errors.Join(err1, err2) != nil:
		return 0, 0, fmt.Errorf("%q is no range of versions: write 3..7, or 0..7 from before the first event", text)
	case from > to:
		return 0, 0, fmt.Errorf("%d..%d runs backwards: write %d..%d", from, to, to, from)
	}
	return from, to, nil
}

// answer is what a choice comes to.
type answer struct {
	// state and version are those asked for, newest the last there is.
	state   any
	version int64
	newest  int64
	steps   []inspect.Step
	// asked says in words what the answer is limited to; empty: it is everything.
	asked string
	// isDiff says that changes are the answer: those from version from to version.
	isDiff  bool
	from    int64
	changes []inspect.Change
}

// of answers the choice from the whole history, which must hold an event.
func (c choice) of(t *inspect.Timeline) (answer, error) {
	_, newest := t.State()
	a := answer{newest: newest}
	part := t
	switch {
	case c.diff != "":
		return a.between(t, c.diff)
	case c.version != "":
		version, err := parseVersion(c.version)
		if err != nil {
			return a, err
		}
		if part, err = t.Version(version); err != nil {
			return a, err
		}
		a.asked = fmt.Sprintf("as version %d left it", version)
	case c.at != "":
		at, err := inspect.ParseMoment(c.at)
		if err != nil {
			return a, err
		}
		part = t.At(at.UnixMilli())
		a.asked = "as recorded by " + inspect.Moment(at.UnixMilli()) + " UTC"
	}
	a.steps = part.Steps
	a.state, a.version = part.State()
	if a.version == 0 {
		a.asked += ": before its first event, which was recorded at " + inspect.Moment(t.Steps[0].Meta.RecordedAt) + " UTC"
	}
	return a, nil
}

// between answers what changed between two versions.
func (a answer) between(t *inspect.Timeline, versions string) (answer, error) {
	from, to, err := parseRange(versions)
	if err != nil {
		return a, err
	}
	a.isDiff, a.from = true, from
	if a.changes, a.steps, err = t.Diff(from, to); err != nil {
		return a, err
	}
	part, err := t.Version(to)
	if err != nil {
		return a, err
	}
	a.state, a.version = part.State()
	return a, nil
}
