package ingest

import (
	"errors"

	"recount/internal/es"
	"recount/internal/serde"
)

// encodeCommand checks data, which must be a JSON object, against a command's schema and makes its frame.
func encodeCommand(codec *serde.Codec, wire string, meta es.CommandMeta, data []byte) ([]byte, *fault) {
	frame, err := codec.CommandFromJSON(wire, meta, data)
	var wrong *serde.InvalidCommandError
	switch {
	case err == nil:
		return frame, nil
	case errors.As(err, &wrong):
		return nil, invalid(wrong.Field, "%s", wrong.Problem)
	}
	return nil, invalid("", "%v", err)
}
