package pebble

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Defaults and limits of a [Config].
const (
	DefaultCacheBytes    = 256 << 20
	DefaultMemtableBytes = 64 << 20
	memtableMinBytes     = 64 << 10
	memtableMaxBytes     = 1 << 30
)

const (
	// memtablesMax is how many memtables may exist before writers wait for the disk.
	memtablesMax = 4
	// bloomBitsPerKey gives about 1 % false positives: a command on a new aggregate then reads no table.
	bloomBitsPerKey = 10
	// l0CompactAt and l0StopAt are the sublevels of L0 at which compaction starts and writers wait. The distance between
	// them absorbs a recovery, which writes much faster than the pipeline does.
	l0CompactAt = 4
	l0StopAt    = 20
	// compactionsMax keeps the cores for deciding; a second compaction starts only when there is debt.
	compactionsMax = 2
	// syncEveryBytes has the log written out in the background, so that a Sync never finds much to do.
	syncEveryBytes = 1 << 20
)

// Config says where and how a root is kept.
type Config struct {
	// Dir is the directory, made if need be. It belongs to one process at a time.
	Dir string
	// CacheBytes is the block cache all partitions share; 0 means 256 MiB. Make it as large as the state that is read
	// again and again: what is not in it is read from the disk.
	CacheBytes int64
	// MemtableBytes is the size of one memtable; 0 means 64 MiB. Up to four exist at a time when the disk is slower than
	// the pipeline, so count four times this. Smaller ones are flushed more often and cost throughput.
	MemtableBytes int
	// Logger receives what Pebble reports: at debug, but for errors. Nil discards it.
	Logger *slog.Logger
	// FS is the file system, nil for the disk. It is the seam for tests that break one.
	FS vfs.FS
}

func (c Config) withDefaults() (Config, error) {
	if c.CacheBytes == 0 {
		c.CacheBytes = DefaultCacheBytes
	}
	if c.MemtableBytes == 0 {
		c.MemtableBytes = DefaultMemtableBytes
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if err := c.validate(); err != nil {
		return c, err
	}
	if c.FS == nil {
		dir, err := filepath.Abs(c.Dir) // the lock knows a directory by its path: "x" and "./x" must be one
		if err != nil {
			return c, fmt.Errorf("state directory %s: %w", c.Dir, err)
		}
		c.Dir, c.FS = dir, vfs.Default
	}
	return c, nil
}

// validate returns every fault.
func (c Config) validate() error {
	var faults []error
	if c.Dir == "" {
		faults = append(faults, errors.New("state directory: none given"))
	}
	if c.CacheBytes < 0 {
		faults = append(faults, fmt.Errorf("state cache of %d bytes: must not be negative", c.CacheBytes))
	}
	if c.MemtableBytes < memtableMinBytes || c.MemtableBytes > memtableMaxBytes {
		faults = append(faults, fmt.Errorf("state memtable of %d bytes: must be %d to %d",
			c.MemtableBytes, memtableMinBytes, memtableMaxBytes))
	}
	return errors.Join(faults...)
}

// options are Pebble's for c. Compression and table sizes are left at its defaults, which suit small values.
func (c Config) options(cache *pebble.Cache, stalled func(pebble.WriteStallBeginInfo)) *pebble.Options {
	logger := logger{c.Logger}
	o := &pebble.Options{
		FS:                          lockFS{FS: c.FS, dir: c.Dir},
		Cache:                       cache,
		FormatMajorVersion:          pebble.FormatTableFormatV6, // pinned: an upgrade of the library must not change files
		MemTableSize:                uint64(c.MemtableBytes),
		MemTableStopWritesThreshold: memtablesMax,
		L0CompactionThreshold:       l0CompactAt,
		L0StopWritesThreshold:       l0StopAt,
		CompactionConcurrencyRange:  func() (int, int) { return 1, compactionsMax },
		WALBytesPerSync:             syncEveryBytes,
		Logger:                      logger,
		EventListener:               &pebble.EventListener{BackgroundError: logger.background, WriteStallBegin: stalled},
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(bloomBitsPerKey)
	}
	return o
}
