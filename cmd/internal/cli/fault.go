package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// usageError is a mistake in what somebody typed, set or wrote into the file: nothing was begun.
type usageError struct {
	err  error
	hint string // where to read on; may be empty
}

func (u usageError) Error() string { return u.err.Error() }
func (u usageError) Unwrap() error { return u.err }

// Usage marks err as the caller's mistake: exit code 2.
func Usage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err: err}
}

// Usagef is Usage of fmt.Errorf.
func Usagef(format string, args ...any) error { return Usage(fmt.Errorf(format, args...)) }

// ErrReported says that whatever went wrong has been told already: exit code 1, and no further word.
var ErrReported = errors.New("reported")

// report tells what went wrong, once, and returns the exit code for it.
func report(ctx context.Context, to io.Writer, err error) int {
	var usage usageError
	isUsage := errors.As(err, &usage)
	switch {
	case errors.Is(err, ErrReported):
		return ExitFailed
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(to, "Interrupted.") //nolint:errcheck // there is nobody left to tell
		return ExitFailed
	}
	var b strings.Builder
	b.WriteString("Error: ")
	if faults := list(err); len(faults) > 1 {
		fmt.Fprintf(&b, "%d things are wrong:\n", len(faults))
		for _, f := range faults {
			fmt.Fprintf(&b, "  - %s\n", strings.ReplaceAll(f.Error(), "\n", "\n    "))
		}
	} else {
		fmt.Fprintln(&b, err)
	}
	if usage.hint != "" {
		fmt.Fprintln(&b, usage.hint)
	}
	io.WriteString(to, b.String()) //nolint:errcheck // there is nobody left to tell
	if isUsage {
		return ExitUsage
	}
	return ExitFailed
}

// list takes apart what errors.Join has put together.
func list(err error) []error {
	if u, ok := err.(usageError); ok { //nolint:errorlint // only the outermost: one with words around it is one sentence
		return list(u.err)
	}
	joined, ok := err.(interface{ Unwrap() []error }) //nolint:errorlint // as above
	if !ok {
		return []error{err}
	}
	var out []error
	var texts []string
	for _, e := range joined.Unwrap() {
		out = append(out, list(e)...)
		texts = append(texts, e.Error())
	}
	if strings.Join(texts, "\n") != err.Error() {
		return []error{err}
	}
	return out
}
