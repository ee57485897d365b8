package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/twmb/franz-go/pkg/sr"

	"recount/internal/durable"
)

// registryState is what the registry's file holds: small, and written whole with every change.
type registryState struct {
	Format   int                `json:"format"`
	Schemas  []registeredSchema `json:"schemas"`  // in the order of registration
	Settings map[string]string  `json:"settings"` // compatibility and mode: the path of a PUT, and its body
}

type registeredSchema struct {
	Subject    string               `json:"subject"`
	Version    int                  `json:"version"`
	ID         int                  `json:"id"`
	Type       sr.SchemaType        `json:"type"`
	Schema     string               `json:"schema"`
	References []sr.SchemaReference `json:"references,omitempty"`
}

// registryFormat is raised when an older program could misread the file.
const registryFormat = 1

// loadRegistryState reads the file; where there is none, the registry is empty.
func loadRegistryState(path string) (registryState, error) {
	state := registryState{Format: registryFormat}
	if path == "" {
		return state, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return state, nil
	}
	if err != nil {
		return state, fmt.Errorf("read the registry's schemas: %w", err)
	}
	if err := json.Unmarshal(text, &state); err != nil {
		return state, fmt.Errorf("read the registry's schemas in %s: %w", path, err)
	}
	if state.Format != registryFormat {
		return state, fmt.Errorf("the registry's schemas in %s have the format %d, which this program does not know", path, state.Format)
	}
	return state, nil
}

// withSchema is a state of its own: the old one stays valid while the new one is not on disk. It tells whether it
// differs.
func (s registryState) withSchema(r registeredSchema) (_ registryState, changed bool) {
	if slices.ContainsFunc(s.Schemas, func(have registeredSchema) bool {
		return have.Subject == r.Subject && have.Version == r.Version
	}) {
		return s, false
	}
	s.Schemas = append(slices.Clip(s.Schemas), r)
	return s, true
}

// withSetting is a state of its own, like withSchema.
func (s registryState) withSetting(path, body string) (_ registryState, changed bool) {
	if s.Settings[path] == body {
		return s, false
	}
	settings := map[string]string{path: body}
	for have, value := range s.Settings {
		if have != path {
			settings[have] = value
		}
	}
	s.Settings = settings
	return s, true
}

// save replaces the file in one step: after a power failure it is the old one or the new one, whole.
func (s registryState) save(path string) error {
	if path == "" {
		return nil
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	// One process has the folder, and it saves under a lock.
	return durable.Write(path, func(to io.Writer) error {
		_, err := to.Write(append(text, '\n'))
		return err
	})
}
