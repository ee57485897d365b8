package sim

import (
	"recount/domain"
	"recount/internal/es"
	"recount/internal/serde"
	"recount/schemas/avro"
)

// code is what runs: the program as it is, or with a mutation's mistake in it.
type code struct {
	mutation mutation
	contexts []es.Context
	// frames reads and writes their records. To read all schemas takes longer than a run, and without a registry a codec
	// never changes: all runs of the same code share one.
	frames *serde.Codec
}

func codeWith(m mutation) (code, error) {
	c := code{mutation: m, contexts: domain.Contexts()}
	for i := range c.contexts {
		c.contexts[i].Processes = m.bentProcesses(c.contexts[i].Processes)
	}
	catalog, err := serde.NewCatalog(avro.FS, c.contexts)
	if err != nil {
		return code{}, err
	}
	c.frames = catalog.Offline()
	return c, nil
}
