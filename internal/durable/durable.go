// Package durable writes files that are there whole or not at all, whenever the process or the machine dies, and makes folders
// that do not get lost beneath them.
//
// It knows nothing of what is in them, and keeps no lock: two that write the same file leave one of the two.
package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Write has fill write a file at path. Until fill has returned and everything is on the disk, what was at path stays
// there; after an error it stays for good.
func Write(path string, fill func(to io.Writer) error) error {
	f, err := Create(path)
	if err != nil {
		return err
	}
	if err := fill(f); err != nil {
		return errors.Join(err, f.Abandon())
	}
	return f.Commit()
}

// File is one that is being written.
type File struct {
	*os.File
	path string
}

// Create begins a file that appears at path with Commit. What an earlier attempt left of it is written over.
func Create(path string) (*File, error) {
	f, err := os.OpenFile(path+".partial", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("beginning a file: %w", err)
	}
	return &File{f, path}, nil
}

// Commit puts the file in its place. The name is on the disk before it returns, and so is everything in it.
func (f *File) Commit() error {
	if err := f.Sync(); err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", f.path, err), f.Abandon())
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("writing %s: %w", f.path, err)
	}
	if err := os.Rename(f.Name(), f.path); err != nil {
		return fmt.Errorf("writing %s: %w", f.path, err)
	}
	return syncFolder(filepath.Dir(f.path))
}

// Abandon drops what was written.
func (f *File) Abandon() error { return errors.Join(f.Close(), os.Remove(f.Name())) }

// Folder makes the folder at path, and those on the way to it that are missing, for this user alone. Their names are on the
// disk before it returns: else a file in it may be there whole, and no way lead to it.
func Folder(path string) error {
	made := []string{path} // also where it is there: whoever made it may have died before its name was on the disk
	for at := filepath.Dir(path); !isThere(at); at = filepath.Dir(at) {
		made = append(made, at)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("making the folder: %w", err)
	}
	for _, folder := range made {
		if err := syncFolder(filepath.Dir(folder)); err != nil {
			return err
		}
	}
	return nil
}

// isThere says whether something is at path, or cannot be asked for: then making it tells why.
func isThere(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// syncFolder puts a folder's names on the disk.
func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("writing the folder: %w", err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("writing the folder %s: %w", path, err)
	}
	return nil
}
