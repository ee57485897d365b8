package subject

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// Profile begins a processor profile in a file; the function it returns ends it. Without a path there is none.
func Profile(path string) (stop func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	file, err := create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(fmt.Errorf("profile: %w", err), file.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return file.Close()
	}, nil
}

// profiles begins a processor profile in a folder; the function it returns ends it, and adds a profile of allocations.
func profiles(dir string) (stop func() error, err error) {
	if dir == "" {
		return Profile("")
	}
	processor, err := Profile(filepath.Join(dir, "cpu.pprof"))
	if err != nil {
		return nil, err
	}
	return func() error { return errors.Join(processor(), writeAllocations(filepath.Join(dir, "allocs.pprof"))) }, nil
}

func writeAllocations(path string) error {
	file, err := create(path)
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup("allocs").WriteTo(file, 0), file.Close())
}

func create(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	return file, nil
}
