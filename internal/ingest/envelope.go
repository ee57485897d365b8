package ingest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"recount/internal/es"
)

// fault says why a command can't be taken.
type fault struct {
	reason string
	field  string
	// malformed: it can't be read at all, as against read and found wrong.
	malformed bool
}

func malformed(format string, args ...any) *fault {
	return &fault{reason: fmt.Sprintf(format, args...), malformed: true}
}

func invalid(field, format string, args ...any) *fault {
	return &fault{reason: fmt.Sprintf(format, args...), field: field}
}

// envelopeMembers are what a line may hold.
func envelopeMembers() [8]string {
	return [...]string{"type", "id", "command_id", "correlation_id", "causation_id", "expected_version", "valid_at", "data"}
}

// envelope is a line of NDJSON: a command's type, metadata and data.
type envelope struct {
	wire string
	meta es.CommandMeta
	data []byte
}

// parseEnvelope reads a line. Members it doesn't know, and a member that comes twice, are faults: a misspelt
// expected_version would otherwise be a condition that nobody checks.
func parseEnvelope(line []byte) (envelope, *fault) {
	var e envelope
	if f := checkJSON(line); f != nil {
		return e, f
	}
	known := envelopeMembers()
	var seen [len(known)]bool
	for name, value := range members(line) {
		place := slices.Index(known[:], name)
		switch {
		case place < 0:
			return e, invalid(name, "%q is no member of a command: known are %s", name, strings.Join(known[:], ", "))
		case seen[place]:
			return e, invalid(name, "%s comes twice", name)
		}
		seen[place] = true
		if f := e.member(name, value); f != nil {
			return e, f
		}
	}
	return e, e.complete()
}

// member reads the value of one member. null counts as not given.
func (e *envelope) member(name string, value []byte) *fault {
	if string(value) == "null" {
		return nil
	}
	switch name {
	case "type":
		return text(name, value, &e.wire)
	case "id":
		return identifier(name, value, &e.meta.AggregateID)
	case "command_id":
		return identifier(name, value, &e.meta.CommandID)
	case "correlation_id":
		return identifier(name, value, &e.meta.CorrelationID)
	case "causation_id":
		return identifier(name, value, &e.meta.CausationID)
	case "expected_version":
		version, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil || version < 0 {
			return invalid(name, "expected_version must be a whole number from 0 on, not %s", shorten(value))
		}
		e.meta.ExpectedVersion = &version
	case "valid_at":
		return e.validAt(name, value)
	case "data":
		if value[0] != '{' {
			return invalid(name, "data must be an object, not %s", shorten(value))
		}
		e.data = value
	}
	return nil
}

func text(name string, value []byte, into *string) *fault {
	if value[0] != '"' {
		return invalid(name, "%s must be a string, not %s", name, shorten(value))
	}
	*into = plainString(value)
	return nil
}

// identifier reads an ID that may be left out, but not be empty.
func identifier(name string, value []byte, into *string) *fault {
	if f := text(name, value, into); f != nil {
		return f
	}
	if err := checkID(*into); err != nil {
		return invalid(name, "%s %v", name, err)
	}
	return nil
}

func (e *envelope) validAt(name string, value []byte) *fault {
	var given string
	if f := text(name, value, &given); f != nil {
		return f
	}
	at, err := parseValidAt(given)
	if err != nil {
		return invalid(name, "valid_at %v", err)
	}
	e.meta.ValidAt = &at
	return nil
}

// shorten keeps a message readable whatever was given.
func shorten(value []byte) string {
	const bytesMax = 40
	if len(value) <= bytesMax {
		return string(value)
	}
	return strings.ToValidUTF8(string(value[:bytesMax]), "") + "…"
}

// complete checks that nothing is missing.
func (e *envelope) complete() *fault {
	switch {
	case e.wire == "":
		return invalid("type", `type is missing: the command's name, such as "bank.account.deposit"`)
	case e.meta.AggregateID == "":
		return invalid("id", "id is missing: the aggregate's ID")
	case e.data == nil:
		return invalid("data", "data is missing: a command without fields has {}")
	}
	return nil
}

// deriveID makes the command ID of a line that has none, from the line, its number and the name of its source, in the
// form of a version 8 UUID. So loading the same file again repeats the same commands, while the same line twice in a
// file is two commands.
func deriveID(source string, number int64, line []byte) string {
	h := sha256.New()
	h.Write(binary.BigEndian.AppendUint64(append([]byte(source), 0), uint64(number)))
	h.Write(line)
	id := es.ID(h.Sum(nil)[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}
