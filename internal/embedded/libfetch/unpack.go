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

	"recount/internal/durable"
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

// writeWhole writes a file of exactly size bytes, which is at target once it is on disk. Only the lock's holder does.
func writeWhole(target string, from io.Reader, size int64) error {
	err := durable.Write(target, func(to io.Writer) error {
		_, err := io.CopyN(to, from, size)
		return err
	})
	if err != nil {
		return fmt.Errorf("unpack the library: %w", err)
	}
	return nil
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
