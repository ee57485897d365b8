package ingest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"
)

// rejectedPath is where the bad lines of a source go: FILE.rejected.ndjson for FILE.ndjson, FILE.ndjson.gz, FILE.ndjson.zst.
func rejectedPath(path string) string {
	if path == stdinPath {
		return "stdin.rejected.ndjson"
	}
	return strings.TrimSuffix(unpackedName(path), ".ndjson") + ".rejected.ndjson"
}

// rejection is a line of that file.
type rejection struct {
	Line   int64  `json:"line"`
	Reason string `json:"reason"`
	Field  string `json:"field,omitempty"`
	// Input is the line as it was; InputBytes the same in base64, where it is no text.
	Input      string `json:"input,omitempty"`
	InputBytes []byte `json:"input_base64,omitempty"`
	// Truncated: the line was too long, and Input is its beginning.
	Truncated bool `json:"truncated,omitempty"`
}

// rejectedFile collects bad lines. It is made with the first of them: a file that is there says that there were some.
type rejectedFile struct {
	path string
	f    *os.File
	w    *bufio.Writer
}

// newRejectedFile forgets what an earlier load left at path. Only a file can have been left: a device or a folder there
// (/dev/null, given by somebody who wants no such file) is not ours to remove.
func newRejectedFile(path string) (*rejectedFile, error) {
	left, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &rejectedFile{path: path}, nil
	case err == nil && !left.Mode().IsRegular():
		return nil, fmt.Errorf("the rejected lines can't be kept at %s, which is no regular file: choose another path", path)
	case err == nil:
		err = os.Remove(path)
	}
	if err != nil {
		return nil, fmt.Errorf("removing the rejected lines of an earlier load: %w", err)
	}
	return &rejectedFile{path: path}, nil
}

func (r *rejectedFile) add(l line, why *fault) error {
	if r.f == nil {
		f, err := os.OpenFile(r.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // it may hold personal data
		if err != nil {
			return fmt.Errorf("making the file for rejected lines: %w", err)
		}
		r.f, r.w = f, bufio.NewWriter(f)
	}
	out := rejection{Line: l.number, Reason: why.reason, Field: why.field, Truncated: l.tooLong}
	if utf8.Valid(l.text) {
		out.Input = string(l.text)
	} else {
		out.InputBytes = l.text
	}
	enc := json.NewEncoder(r.w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		return fmt.Errorf("writing rejected line %d: %w", l.number, err)
	}
	return nil
}

// Close writes out what is buffered.
func (r *rejectedFile) Close() error {
	if r.f == nil {
		return nil
	}
	if err := errors.Join(r.w.Flush(), r.f.Close()); err != nil {
		return fmt.Errorf("writing the rejected lines: %w", err)
	}
	return nil
}
