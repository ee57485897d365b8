package serde

import (
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"

	"recount/internal/engine"
	"recount/internal/es"
)

// DecodeCommand reads a command's frame. With an error, Command.Meta is still set if Command.HasMeta says so: whoever
// waits for the command can then be told.
func (c *contextCodec) DecodeCommand(value []byte) (cmd engine.Command, err error) {
	v, body, err := c.open(value)
	if err != nil {
		return cmd, err
	}
	if v.record != nil && v.record.kind == command {
		cmd.Type = v.record.wire
	}
	err = c.checkOurs(v)
	if v.readMeta == nil || v.metaType != commandMetaName {
		return cmd, es.First(err, v.unreadable)
	}
	data, metaErr := v.commandMeta(body, &cmd.Meta)
	if metaErr != nil {
		return engine.Command{Type: cmd.Type}, es.First(err, fmt.Errorf("%s: its meta: %w", v.name(), metaErr))
	}
	cmd.HasMeta = true
	if err = es.First(err, v.unreadable); err != nil {
		return cmd, err
	}
	cmd.Aggregate = v.record.aggregate
	if cmd.Body, err = v.record.data.decode(v.readData, data); err != nil {
		return cmd, fmt.Errorf("%s: %w", v.name(), err)
	}
	cmd.Hash = commandHash(cmd.Type, &cmd.Meta, data)
	return cmd, nil
}

// checkOurs says why v is no command of this context, if it is none.
func (c *contextCodec) checkOurs(v *version) error {
	switch {
	case v.record == nil:
		return fmt.Errorf("%w (%s): %w", engine.ErrUnknownCommand, c.types.name, v.unreadable)
	case v.record.kind != command || v.record.context != c.types.name:
		return fmt.Errorf("%w (%s): %s", engine.ErrUnknownCommand, c.types.name, v.name())
	}
	return nil
}

// commandHash tells whether two commands with one ID are the same: over the type, what was asked and under which
// conditions. data counts as it was written, so the same request encoded with another schema version is another.
func commandHash(wireType string, meta *es.CommandMeta, data []byte) int64 {
	var conditions [1 + 2*(1+8)]byte // the end of the name, then presence and value of expected_version and of valid_at
	putOptional(conditions[1:10], meta.ExpectedVersion)
	putOptional(conditions[10:], meta.ValidAt)
	d := xxhash.New() // its Write can't fail
	d.WriteString(wireType)
	d.Write(conditions[:])
	d.Write(data)
	return int64(d.Sum64())
}

func putOptional(dst []byte, v *int64) {
	if v != nil {
		dst[0] = 1
		binary.BigEndian.PutUint64(dst[1:], uint64(*v))
	}
}
