package console

import (
	"encoding/json"
	"fmt"
	"io"
)

// JSON writes an answer for machines, indented because people look at it too, and with < and & as they are.
func JSON(to io.Writer, answer any) error {
	e := json.NewEncoder(to)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(answer); err != nil {
		return fmt.Errorf("writing the answer as JSON: %w", err)
	}
	return nil
}
