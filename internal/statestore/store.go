package statestore

import (
	"errors"
	"fmt"
	"iter"
	"strings"
)

var (
	// ErrClosed answers every call on a store or a root after its Close.
	ErrClosed = errors.New("state store: closed")
	// ErrInUse answers an Open or a Drop of a partition that somebody in this process has open. Two holders mean that
	// a lease was passed by: see [Leases].
	ErrInUse = errors.New("state store: the partition is open already in this process")
	// ErrLocked answers the opening of a root whose directory another process holds.
	ErrLocked = errors.New("state store: the directory is held by another process")
)

// Pair is one key and its value. It is an alias of an unnamed type so that a package that must not import this one can
// declare a [Reader] of its own with identical method signatures.
type Pair = struct{ Key, Value []byte }

// Reader looks things up.
type Reader interface {
	// Get returns the value of key and whether there is one. The value is the caller's own: nothing else refers to it.
	Get(key []byte) (value []byte, ok bool, err error)

	// Scan yields the pairs with start <= key < end in ascending order; a nil start is the first key, a nil end lies
	// past the last. It shows the reader as it was when the loop began: writes made meanwhile are not seen. Key and
	// value are lent until the next step only; keep a copy. An error is the last thing yielded, with a zero Pair.
	//
	// A scan pins memory and files while it lasts, so do not block inside the loop.
	Scan(start, end []byte) iter.Seq2[Pair, error]
}

// Store is one partition's store. Its methods may be called from several goroutines; a Get or Scan beside an Apply
// sees all of that batch or nothing of it.
type Store interface {
	Reader

	// Apply writes b atomically and in the order of its operations. It does not wait for the disk: after a crash of the
	// machine the newest batches may be missing, always from the newest backwards. b is the caller's again afterwards.
	Apply(b *Batch) error

	// Sync returns once everything applied before the call would survive a crash of the machine.
	Sync() error

	// Close gives the partition back; what was applied stays. A scan under way runs on over what it saw.
	Close() error
}

// Root holds the stores of a process: one per partition, told apart by name ("bank.3").
type Root interface {
	// Open opens the named partition's store, empty if there was none. Until it is closed a second Open is ErrInUse.
	Open(name string) (Store, error)

	// Drop removes the named partition for good, synced. It is ErrInUse while the partition is open. Dropping what is not there is fine.
	Drop(name string) error

	// Close closes the root, after all of its stores have been closed: one still open is named in the error, and stops
	// working all the same. It syncs everything.
	Close() error
}

// StillOpen is the error of a Root's Close for the stores that were not closed before, nil if there were none. Roots
// share it so that they say the same.
func StillOpen(names []string) error {
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("state store: closed while still in use: %s: close every partition before the root",
		strings.Join(names, ", "))
}
