// Package libfetch gets one pinned library onto this machine, once, out of an npm package.
//
// The package is fetched by the npm client, which knows the user's registry and proxies, checked against a pinned
// SHA-256, and unpacked next to its final place. What appears under the final name is whole, whatever was interrupted;
// processes that start at once fetch once. Nothing of the package is ever executed here, and no install script runs.
package libfetch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"recount/internal/filelock"
)

// Source pins a package and the one file wanted of it.
type Source struct {
	Package     string // its name on npm
	Version     string
	SHA256      string // of the package, in hex
	Member      string // the file's path inside the package
	MemberBytes int64  // the file's exact size
	Advice      string // what else a person can do where fetching fails; ends messages
	NPM         string // the npm program; empty looks for npm in PATH
}

// Locate returns the library's path under cache, fetching it if it is not there. progress is told about what takes
// long.
func (s Source) Locate(ctx context.Context, cache string, progress func(message string)) (string, error) {
	target := filepath.Join(cache, s.Version, filepath.Base(s.Member))
	if s.isWhole(target) {
		return target, nil
	}
	if err := s.fetch(ctx, cache, target, progress); err != nil {
		return "", fmt.Errorf("fetch %s %s: %w; %s", s.Package, s.Version, err, s.Advice)
	}
	return target, nil
}

// isWhole trusts the size: the content was checked before the file got its name.
func (s Source) isWhole(target string) bool {
	info, err := os.Stat(target)
	return err == nil && info.Mode().IsRegular() && info.Size() == s.MemberBytes
}

func (s Source) fetch(ctx context.Context, cache, target string, progress func(string)) (err error) {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return fmt.Errorf("make the cache folder: %w", err)
	}
	lock, err := s.lock(ctx, cache, progress)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	if s.isWhole(target) { // another process was faster
		return nil
	}
	archive, err := s.archive(ctx, cache, progress)
	if err != nil {
		return err
	}
	progress(fmt.Sprintf("unpacking %s %s", s.Package, s.Version))
	if err := s.unpack(ctx, archive, target); err != nil {
		return err
	}
	if err := os.Remove(archive); err != nil {
		return fmt.Errorf("remove the unpacked archive: %w", err)
	}
	return nil
}

// lock lets one process fetch while the others wait for it.
func (s Source) lock(ctx context.Context, cache string, progress func(string)) (*filelock.Lock, error) {
	path, holder := filepath.Join(cache, s.Version+".lock"), fmt.Sprintf("process %d", os.Getpid())
	now, cancel := context.WithCancel(ctx)
	cancel() // one try without waiting, for the message
	lock, err := filelock.Acquire(now, path, holder)
	var held *filelock.HeldError
	if !errors.As(err, &held) {
		return lock, err
	}
	progress(fmt.Sprintf("waiting for %s, which is fetching %s %s", held.Holder, s.Package, s.Version))
	return filelock.Acquire(ctx, path, holder)
}
