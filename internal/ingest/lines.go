package ingest

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// line is one line of a source, without its end.
type line struct {
	number int64
	text   []byte // the beginning only, if tooLong
	// tooLong: it exceeded the limit. The rest of it was skipped.
	tooLong bool
}

// lineReader reads lines of bounded length.
type lineReader struct {
	r        *bufio.Reader
	bytesMax int
	number   int64
}

const (
	readBufferBytes = 64 << 10
	// quotedBytesMax is how much of a line that is too long is kept, to recognise it by.
	quotedBytesMax = 1 << 10
)

func newLineReader(r io.Reader, bytesMax int) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, readBufferBytes), bytesMax: bytesMax}
}

// next returns the next line that isn't blank, in memory of its own. io.EOF is the end.
func (lr *lineReader) next() (line, error) {
	for {
		l, err := lr.read()
		if l.tooLong || len(bytes.TrimSpace(l.text)) > 0 {
			if errors.Is(err, io.EOF) {
				err = nil // the last line may lack its end
			}
			return l, err
		}
		if err != nil {
			return l, err
		}
	}
}

// read returns the next line, and io.EOF with the last.
func (lr *lineReader) read() (line, error) {
	lr.number++
	l := line{number: lr.number}
	for {
		part, err := lr.r.ReadSlice('\n')
		l.tooLong = l.tooLong || len(l.text)+len(bytes.TrimRight(part, "\r\n")) > lr.bytesMax
		l.text = append(l.text, part...)
		if l.tooLong {
			l.text = bytes.Clone(l.text[:min(len(l.text), quotedBytesMax)])
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		l.text = bytes.TrimRight(l.text, "\r\n")
		if l.number == 1 {
			l.text = bytes.TrimPrefix(l.text, []byte("\xef\xbb\xbf"))
		}
		return l, err
	}
}
