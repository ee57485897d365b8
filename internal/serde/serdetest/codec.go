// Package serdetest has what tests of records take: a codec of all contexts that needs no registry.
package serdetest

import (
	"testing"

	"recount/domain"
	"recount/internal/serde"
	"recount/schemas/avro"
)

// Codec reads and writes the records of all contexts.
func Codec(t testing.TB) *serde.Codec {
	t.Helper()
	return Catalog(t).Offline()
}

// Catalog is that of all contexts.
func Catalog(t testing.TB) *serde.Catalog {
	t.Helper()
	catalog, err := serde.NewCatalog(avro.FS, domain.Contexts())
	if err != nil {
		t.Fatal(err)
	}
	return catalog
}
