// Package pebbletest has a disk in memory that can crash, for tests of what a root on it finds afterwards. Its API names
// no type of Pebble's, so that simulations can use it as well. It is for tests only.
package pebbletest

import (
	"math/rand/v2"

	"github.com/cockroachdb/pebble/v2/vfs"

	"recount/internal/statestore/pebble"
)

const (
	dir           = "state"
	cacheBytes    = 1 << 20
	memtableBytes = 64 << 10 // little, so that a short test sees logs change and tables being written
)

// Disk is a disk in memory. What is written to it is lost in a crash unless it was synced, or is lucky.
type Disk struct{ fs *vfs.MemFS }

// NewDisk returns an empty disk.
func NewDisk() *Disk { return &Disk{fs: vfs.NewCrashableMem()} }

// Open opens the root on this disk. Like a directory, it is one root's at a time.
func (d *Disk) Open() (*pebble.Root, error) {
	return pebble.Open(pebble.Config{Dir: dir, FS: d.fs, CacheBytes: cacheBytes, MemtableBytes: memtableBytes})
}

// Crash returns the disk that the next process would find if the machine stopped now: everything synced, and of what
// was not synced each block with a likelihood of keepPercent: 0 loses all of it, 100 nothing, and in between the middle
// of a file may be gone while its end is there. This disk goes on; whoever writes to it is not disturbed.
func (d *Disk) Crash(keepPercent int, rng *rand.Rand) *Disk {
	return &Disk{fs: d.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: keepPercent, RNG: rng})}
}
