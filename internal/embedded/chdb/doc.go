// Package chdb is a binding to libchdb, the ClickHouse engine as a C library, made without cgo.
//
// It opens the library, opens connections to the one engine a process can hold, and runs statements on them. It knows
// nothing of HTTP, of users or of the data it carries, and it never unloads the engine, which cannot be unloaded: one
// reason why that always runs in a process of its own.
//
// The library exists for Linux on x86-64 only; elsewhere Open returns ErrUnsupported, as it does in programs that are built
// with the tag nochdb: these are linked with no library at all, and so run in an image that holds nothing else.
package chdb

import "errors"

// ErrUnsupported says that there is no libchdb for this operating system or processor.
var ErrUnsupported = errors.New("libchdb runs on Linux x86-64 only, and not in a program built with the tag nochdb")

// Param is one query parameter: the value of {Name:Type} in the statement, in ClickHouse's text form.
type Param struct {
	Name  string
	Value string
}

// Stats is what the engine reports about a finished statement.
type Stats struct {
	ElapsedSeconds float64
	RowsRead       uint64 // from storage
	RowsWritten    uint64
}
