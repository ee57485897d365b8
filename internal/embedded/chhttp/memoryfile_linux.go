package chhttp

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// memoryFile is an anonymous file that the engine can open by path for as long as it is open here.
type memoryFile struct{ *os.File }

func newMemoryFile() (*memoryFile, error) {
	fd, err := unix.MemfdCreate("recount-insert", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return &memoryFile{os.NewFile(uintptr(fd), "recount-insert")}, nil
}

func (f *memoryFile) path() string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

func closeAfter(f *memoryFile, err error) error { return errors.Join(err, f.Close()) }
