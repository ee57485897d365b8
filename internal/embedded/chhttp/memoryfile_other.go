//go:build !linux

package chhttp

import (
	"os"

	"recount/internal/embedded/chdb"
)

// memoryFile has no twin outside Linux, and neither has the engine.
type memoryFile struct{ *os.File }

func newMemoryFile() (*memoryFile, error) { return nil, chdb.ErrUnsupported }

func (f *memoryFile) path() string { return f.Name() }

func closeAfter(_ *memoryFile, err error) error { return err }
