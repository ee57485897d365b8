package pebble

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"

	"recount/internal/statestore"
)

// lockFS says in a person's words that a directory is taken. Pebble locks in the middle of its Open, after it has made
// the directory durable, and reports a bare errno ("resource temporarily unavailable") or, from the same process, a
// text: this is the one place where both are known for what they are. And what it makes is for one user alone.
type lockFS struct {
	vfs.FS
	dir string
}

// Lock takes the lock file.
func (l lockFS) Lock(name string) (io.Closer, error) {
	lock, err := l.FS.Lock(name)
	if err == nil {
		return lock, nil
	}
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		return nil, err // the lock file could not even be made
	}
	return nil, fmt.Errorf("%w: another aggregator runs on this --state directory %s (it holds %s): "+
		"stop it, or give this one a directory of its own: %w", statestore.ErrLocked, l.dir, name, err)
}

// MkdirAll makes directories for this user alone, whatever Pebble asks for: what a state holds may be personal data.
func (l lockFS) MkdirAll(dir string, _ fs.FileMode) error { return l.FS.MkdirAll(dir, 0o700) }

// Unwrap lets Pebble see the file system below.
func (l lockFS) Unwrap() vfs.FS { return l.FS }
