package libfetch

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
)

// unpack writes the wanted member of the archive to target. Nothing else is unpacked, no name from the archive is used,
// and no more than the pinned size is written.
func (s Source) unpack(ctx context.Context, archive, target string) error {
	f, err := os.Open(archive)
	if err != nil {
		return fmt.Errorf("open the archive: %w", err)
	}
	defer f.Close() // read only
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("read the archive: %w", err)
	}
	members := tar.NewReader(unzipped)
	for {
		header, err := members.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("there is no %s in the archive", s.Member)
		}
		if err != nil {
			return fmt.Errorf("read the archive: %w", err)
		}
		if path.Clean(header.Name) != s.Member {
			continue
		}
		if header.Size != s.MemberBytes {
			return fmt.Errorf("%s has %d bytes in the archive, not the pinned %d", s.Member, header.Size, s.MemberBytes)
		}
		return writeWhole(target, withContext{ctx, members}, s.MemberBytes)
	}
}

// writeWhole writes a file of exactly size bytes under another name and renames it once it is on disk.
func writeWhole(target string, from io.Reader, size int64) error {
	partial := target + ".partial" // only the lock's holder writes it
	f, err := os.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("write the library: %w", err)
	}
	if _, err := io.CopyN(f, from, size); err != nil {
		return errors.Join(fmt.Errorf("unpack the library: %w", err), f.Close(), os.Remove(partial))
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write the library: %w", err)
	}
	if err := os.Rename(partial, target); err != nil {
		return fmt.Errorf("put the library in place: %w", err)
	}
	return syncDir(filepath.Dir(target))
}

// syncDir puts a rename on disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open the cache folder: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// withContext ends a long copy when ctx ends.
type withContext struct {
	ctx  context.Context
	from io.Reader
}

func (w withContext) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.from.Read(p)
}
