// Package migrations holds the SQL of Recount's own tables in ClickHouse: which generations there are, and how far each
// view has come. Files are applied in order of their number and never changed afterwards.
//
// It has no connection and runs nothing.
package migrations

import (
	"embed"
	"io/fs"
)

//go:embed *.sql
var files embed.FS

// FS returns the migrations, numbered files in goose's format.
func FS() fs.FS { return files }
