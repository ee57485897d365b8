package engine

import (
	"crypto/sha256"
	"encoding/binary"

	"recount/internal/es"
)

// fingerprint identifies a command: 128 bits over (aggregate type, aggregate ID, command ID). Two commands with
// the same ID on different aggregates are different commands.
func fingerprint(aggregate, id, commandID string) es.ID {
	buf := make([]byte, 0, 160)
	buf = append(append(buf, aggregate...), 0)
	buf = append(append(buf, id...), 0)
	buf = append(buf, commandID...)
	sum := sha256.Sum256(buf)
	return es.ID(sum[:16])
}

// EventID derives the ID of a command's event number index (0, 1 …), in the form of a version 8 UUID (RFC 9562 §5.8):
// deciding the same command again yields the same IDs. The index is added to the low 32 bits, so the events of one
// command differ, and 90 hashed bits keep those of different commands apart.
func EventID(aggregate, id, commandID string, index int) es.ID {
	return eventID(fingerprint(aggregate, id, commandID), index)
}

func eventID(command es.ID, index int) es.ID {
	e := command
	low := binary.BigEndian.Uint32(e[12:]) + uint32(index)
	binary.BigEndian.PutUint32(e[12:], low)
	e[6] = e[6]&0x0f | 0x80
	e[8] = e[8]&0x3f | 0x80
	return e
}

// Link returns the chain after a record: SHA-256 over the aggregate's previous chain, the schema's fingerprint and the
// record's Avro body, whose first 32 bytes (the chain's own place) count as zero.
func Link(previous, schema es.Hash, body []byte) es.Hash {
	return new(Linker).Link(previous, schema, body)
}

// Linker computes links one after another, in memory of its own: hashing what a link is made of in one piece takes half
// the time of hashing it in four. Its zero value is ready. It is one goroutine's.
type Linker struct{ memory []byte }

// Link is [Link].
func (l *Linker) Link(previous, schema es.Hash, body []byte) es.Hash {
	l.memory = append(append(l.memory[:0], previous[:]...), schema[:]...)
	l.memory = append(l.memory, make([]byte, len(previous))...)
	l.memory = append(l.memory, body[len(previous):]...)
	return sha256.Sum256(l.memory)
}
