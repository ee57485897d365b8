package kafka

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Bounds are the first and the last offset of a range, both included.
type Bounds struct{ First, Last int64 }

// String returns "<first>-<last>".
func (b Bounds) String() string {
	return strconv.FormatInt(b.First, 10) + "-" + strconv.FormatInt(b.Last, 10)
}

// declaration is the metadata of a committed offset: everything below the offset is done, and next, if any, has
// been begun and starts at the offset. Its text is "gen=<g>" or "gen=<g>;next=<first>-<last>".
type declaration struct {
	generation int
	next       *Bounds
}

func (d declaration) String() string {
	s := "gen=" + strconv.Itoa(d.generation)
	if d.next != nil {
		s += ";next=" + d.next.String()
	}
	return s
}

// parseDeclaration reads the metadata of a committed offset. It accepts only what String writes: anything else was
// written by somebody else, and guessing would lose or double rows.
func parseDeclaration(metadata string, offset int64) (declaration, error) {
	var d declaration
	generation, next, open := strings.Cut(metadata, ";")
	if _, err := fmt.Sscanf(generation, "gen=%d", &d.generation); err != nil {
		return d, errors.New("it names no generation")
	}
	if open {
		d.next = new(Bounds)
		if _, err := fmt.Sscanf(next, "next=%d-%d", &d.next.First, &d.next.Last); err != nil || d.next.Last < d.next.First {
			return d, errors.New("it names no range")
		}
		if d.next.First != offset {
			return d, errors.New("its range does not start at the offset")
		}
	}
	if d.String() != metadata {
		return d, errors.New("there is more in it than a generation and a range")
	}
	return d, nil
}

// committed is where a group stands in one partition.
type committed struct {
	offset int64 // -1: nothing committed
	next   *Bounds
}

// readCommitted interprets a group's committed offset of one partition.
func (c *RangeConsumer) readCommitted(partition int32, offset int64, metadata *string) (committed, error) {
	if offset < 0 {
		return committed{offset: -1}, nil
	}
	text := ""
	if metadata != nil {
		text = *metadata
	}
	d, err := parseDeclaration(text, offset)
	if err == nil && d.generation != c.cfg.Generation {
		err = fmt.Errorf("it belongs to generation %d, this is %d", d.generation, c.cfg.Generation)
	}
	if err != nil {
		return committed{}, fmt.Errorf("kafka: group %s stands at %s/%d@%d with metadata %q that this program did not write (%w): "+
			"find out what else commits to this group and stop it; then rebuild the view, because what is in it is not known",
			c.cfg.Group, c.cfg.Topic, partition, offset, text, err)
	}
	return committed{offset: offset, next: d.next}, nil
}
