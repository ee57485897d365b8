package proof

import (
	"bytes"
	"strconv"
)

// subject is whose event a record is.
type subject struct {
	aggregate, id string
	version       int64
}

// appendName appends the aggregate's name, unique in its topic.
func (s subject) appendName(dst []byte) []byte {
	return append(append(append(dst, s.aggregate...), '/'), s.id...)
}

func (s subject) name() []byte { return s.appendName(nil) }

// appendKey appends the key that the event's record has.
func (s subject) appendKey(dst []byte) []byte {
	return strconv.AppendInt(append(s.appendName(dst), '/'), s.version, 10)
}

// subjectOf is what a record's key says. An ID may have slashes in it. Of what is no such key, all is the ID.
func subjectOf(key []byte) subject {
	first, last := bytes.IndexByte(key, '/'), bytes.LastIndexByte(key, '/')
	if first >= 0 && last > first {
		if version, err := strconv.ParseInt(string(key[last+1:]), 10, 64); err == nil {
			return subject{string(key[:first]), string(key[first+1 : last]), version}
		}
	}
	return subject{id: string(key)}
}
