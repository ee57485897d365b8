package ingest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// stdinPath stands for the standard input.
const stdinPath = "-"

// zstdWindowBytesMax bounds what a zstd file may make us hold; its encoder's highest ordinary level needs 8 MiB.
const zstdWindowBytesMax = 128 << 20

// source is what is loaded: a file or a stream, unpacked.
type source struct {
	io.Reader
	// name stands in derived command IDs.
	name string
	// bytes is how much was read of it as it lies on disk, size how much there is; 0: nobody knows.
	bytes atomic.Int64
	size  int64
	close []func() error
}

// openSource opens a file, or takes stdin for "-". What it is packed with is seen from its first bytes, whatever its name.
func openSource(path string, stdin io.Reader) (*source, error) {
	s := &source{name: "stdin"}
	raw := stdin
	if path != stdinPath {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("opening the commands: %w", err)
		}
		s.close = append(s.close, f.Close)
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			s.size = info.Size()
		}
		s.name = filepath.Base(unpackedName(path))
		raw = f
	}
	err := s.unpack(bufio.NewReaderSize(counter{raw, &s.bytes}, readBufferBytes))
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	return s, nil
}

// unpack looks at the first bytes.
func (s *source) unpack(r *bufio.Reader) error {
	head, err := r.Peek(4)
	if err != nil && err != io.EOF {
		return err
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(r)
		if err != nil {
			return fmt.Errorf("it begins like gzip: %w", err)
		}
		s.Reader = z
		s.close = append(s.close, z.Close)
	case bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindowBytesMax))
		if err != nil {
			return fmt.Errorf("it begins like zstd: %w", err)
		}
		s.Reader = z
		s.close = append(s.close, func() error { z.Close(); return nil })
	default:
		s.Reader = r
	}
	return nil
}

// Close closes what was opened, outermost first. The files were only read, so there is nothing an error could tell.
func (s *source) Close() {
	for i := len(s.close) - 1; i >= 0; i-- {
		s.close[i]()
	}
}

// unpackedName takes the suffix of a packed file off: packing it doesn't make other commands of its lines.
func unpackedName(path string) string {
	return strings.TrimSuffix(strings.TrimSuffix(path, ".gz"), ".zst")
}

// counter counts what is read through it.
type counter struct {
	r io.Reader
	n *atomic.Int64
}

func (c counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}
