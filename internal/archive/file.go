package archive

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"

	"recount/internal/durable"
	"recount/internal/serde/container"
)

// Writer writes one file of an archive.
type Writer struct {
	file  File
	disk  *durable.File
	hash  hash.Hash
	count countingWriter
	out   *container.Writer
}

// countingWriter counts what passes.
type countingWriter struct {
	to io.Writer
	n  int64
}

func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	w.n += int64(n)
	return n, err
}

// Create begins the file of a partition's range that begins at from.
func Create(dir, topic string, partition int32, from int64) (*Writer, error) {
	w := &Writer{file: File{Path: PathOf(topic, partition, from), Topic: topic, Partition: partition, From: from}, hash: sha256.New()}
	path := filepath.Join(dir, filepath.FromSlash(w.file.Path))
	if err := durable.Folder(filepath.Dir(path)); err != nil {
		return nil, err
	}
	var err error
	if w.disk, err = durable.Create(path); err != nil {
		return nil, err
	}
	w.count.to = io.MultiWriter(w.disk, w.hash)
	if w.out, err = container.NewWriter(&w.count, w.file.Path); err != nil {
		return nil, errors.Join(err, w.disk.Abandon())
	}
	return w, nil
}

// Write adds a record.
func (w *Writer) Write(r *container.Record) error {
	w.file.Records++
	return w.out.Write(r)
}

// Records is how many the file has.
func (w *Writer) Records() int64 { return w.file.Records }

// Abandon drops the file.
func (w *Writer) Abandon() error { return w.disk.Abandon() }

// Commit ends the file, which has everything below until, and puts it in its place.
func (w *Writer) Commit(until int64) (File, error) {
	if err := w.out.Flush(); err != nil {
		return File{}, errors.Join(err, w.disk.Abandon())
	}
	if err := w.disk.Commit(); err != nil {
		return File{}, err
	}
	w.file.Until, w.file.Bytes, w.file.SHA256 = until, w.count.n, hex.EncodeToString(w.hash.Sum(nil))
	return w.file, nil
}

// Read hands the records of a file to deliver, in order. A file that is not the one that the manifest lists is an error
// before its first record.
func (f File) Read(dir string, deliver func(*container.Record) error) (err error) {
	disk, err := f.open(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, disk.Close()) }()
	records, next := int64(0), f.From
	err = container.Read(bufio.NewReader(disk), func(r *container.Record) error {
		if r.Offset < next || r.Offset >= f.Until {
			return fmt.Errorf("offset %d where one from %d to %d comes next", r.Offset, next, f.Until-1)
		}
		records, next = records+1, r.Offset+1
		return deliver(r)
	})
	if err == nil && records != f.Records {
		err = fmt.Errorf("it has %d events, the manifest says %d", records, f.Records)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	return nil
}

// open returns a file, at its beginning, whose bytes are those of the manifest.
func (f File) open(dir string) (_ *os.File, err error) {
	disk, err := os.Open(filepath.Join(dir, filepath.FromSlash(f.Path)))
	if err != nil {
		return nil, fmt.Errorf("the archive lacks a file: fetch it from another copy: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, disk.Close())
		}
	}()
	sum := sha256.New()
	size, err := io.Copy(sum, disk)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	if size != f.Bytes || hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
		return nil, fmt.Errorf("%s is damaged: it has %d bytes and another SHA-256 than the manifest, which says %d: fetch it from another copy", f.Path, size, f.Bytes)
	}
	if _, err := disk.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	return disk, nil
}

// Check compares every file with the manifest, and returns every fault.
func (m *Manifest) Check(ctx context.Context, dir string) error {
	faults := make([]error, len(m.Files))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range m.Files {
		g.Go(func() error {
			disk, err := f.open(dir)
			if err == nil {
				err = disk.Close()
			}
			faults[i] = err
			return ctx.Err()
		})
	}
	return errors.Join(append(faults, g.Wait())...)
}
