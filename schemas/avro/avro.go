// Package avro holds the schemas of every record on every topic: <context>/<aggregate>/<Name>.v<N>.avsc, and the shared
// ones under recount/. A file is added, never edited: fingerprints.txt remembers what each one said.
//
// It is data alone. internal/serde reads it.
package avro

import "embed"

// FS is the schema files. A new context's folder is part of it without another line here.
//
//go:embed recount/*.avsc */*/*.avsc
var FS embed.FS
