package es

import (
	"fmt"
	"strconv"
	"strings"
)

// Position is an event's place in the log of its context, written "bank/3@1234".
type Position struct {
	Context   string
	Partition int32
	Offset    int64
}

// String writes the position as ParsePosition reads it.
func (p Position) String() string {
	return p.Context + "/" + strconv.FormatInt(int64(p.Partition), 10) + "@" + strconv.FormatInt(p.Offset, 10)
}

// ParsePosition reads what String writes, and nothing else: a position that has been through a person's hands is right or
// is refused.
func ParsePosition(text string) (Position, error) {
	context, rest, slash := strings.Cut(text, "/")
	partition, offset, at := strings.Cut(rest, "@")
	n, err := strconv.ParseInt(partition, 10, 32)
	o, err2 := strconv.ParseInt(offset, 10, 64)
	p := Position{Context: context, Partition: int32(n), Offset: o}
	if !slash || !at || err != nil || err2 != nil || context == "" || n < 0 || o < 0 || p.String() != text {
		return Position{}, fmt.Errorf("%q is no position, such as bank/3@1234: context/partition@offset", text)
	}
	return p, nil
}
