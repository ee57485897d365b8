package statestore

import "fmt"

// Limits of what a store takes. They are far above what the engine writes: reaching one is a defect upstream or an
// attack, and it must surface before it costs memory.
const (
	// KeyMaxBytes bounds a key. Every key has at least one byte.
	KeyMaxBytes = 2 << 10
	// ValueMaxBytes bounds a value. The largest ones are dedup blocks, one a flush.
	ValueMaxBytes = 16 << 20
	// BatchMaxBytes bounds the keys and values of one batch together.
	BatchMaxBytes = 256 << 20
	// NameMaxBytes bounds a partition's name, which is part of every key on disk.
	NameMaxBytes = 64
)

// SizeError says that a key, a value or a batch lies outside the limits. Nothing of the batch has been written.
type SizeError struct {
	What  string // "key", "value" or "batch"
	Bytes int
	Max   int
}

// Error names what was too large, or the key that was empty.
func (e *SizeError) Error() string {
	if e.Bytes == 0 {
		return fmt.Sprintf("state store: empty %s", e.What)
	}
	return fmt.Sprintf("state store: %s of %d bytes, at most %d are allowed", e.What, e.Bytes, e.Max)
}

// CheckKey returns a *[SizeError] for a key that no store takes.
func CheckKey(key []byte) error {
	if len(key) == 0 || len(key) > KeyMaxBytes {
		return &SizeError{What: "key", Bytes: len(key), Max: KeyMaxBytes}
	}
	return nil
}

func checkValue(value []byte) error {
	if len(value) > ValueMaxBytes {
		return &SizeError{What: "value", Bytes: len(value), Max: ValueMaxBytes}
	}
	return nil
}

// CheckName returns an error for a name that cannot be a partition's: names are 1 to 64 bytes of a-z, A-Z, 0-9, '.',
// '-' and '_', so that they can stand in a key, a metric and a message without quoting.
func CheckName(name string) error {
	if len(name) == 0 || len(name) > NameMaxBytes {
		return fmt.Errorf("state store: partition name of %d bytes, 1 to %d are allowed", len(name), NameMaxBytes)
	}
	for i := range len(name) {
		c := name[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return fmt.Errorf("state store: partition name %q: %q is not one of a-z A-Z 0-9 . - _", name, c)
		}
	}
	return nil
}
