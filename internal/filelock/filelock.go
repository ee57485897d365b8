// Package filelock keeps two processes from working in one folder at once.
//
// A lock is an advisory lock of the operating system on a small file, so it ends with the process that holds it,
// however that process ends. The file itself stays, because removing it would race with the next holder, and names the
// last holder for messages. It never protects against programs that do not ask.
package filelock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"
)

// retryInterval is how soon a taken lock is tried again.
const retryInterval = 50 * time.Millisecond

// HeldError says who holds a lock.
type HeldError struct {
	Path   string
	Holder string // what the holder wrote about itself; may be empty
}

// Error names the file and its holder.
func (e *HeldError) Error() string {
	if e.Holder == "" {
		return "another process holds " + e.Path
	}
	return e.Holder + " holds " + e.Path
}

// Lock is a held lock.
type Lock struct{ file *os.File }

// Acquire takes the lock on path, waiting until ctx ends for another holder to let go; then it returns a *HeldError.
// holder is what others will be told about this process.
func Acquire(ctx context.Context, path, holder string) (*Lock, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the lock file: %w", err)
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return sign(file, holder)
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), file.Close())
		}
		select {
		case <-ctx.Done():
			return nil, held(file, path)
		case <-time.After(retryInterval):
		}
	}
}

// sign writes the holder's name into the file.
func sign(file *os.File, holder string) (*Lock, error) {
	if err := errors.Join(file.Truncate(0), writeAtStart(file, holder)); err != nil {
		return nil, errors.Join(fmt.Errorf("write the lock file: %w", err), file.Close())
	}
	return &Lock{file: file}, nil
}

func writeAtStart(file *os.File, text string) error {
	_, err := file.WriteAt([]byte(text+"\n"), 0)
	return err
}

// held closes the file and reports who has the lock. A holder that has not signed yet stays nameless.
func held(file *os.File, path string) error {
	const most = 200
	text, err := io.ReadAll(io.LimitReader(file, most))
	if err != nil {
		return errors.Join(fmt.Errorf("read the lock file: %w", err), file.Close())
	}
	return errors.Join(&HeldError{Path: path, Holder: strings.TrimSpace(string(text))}, file.Close())
}

// Release lets the next holder in.
func (l *Lock) Release() error { return l.file.Close() }
