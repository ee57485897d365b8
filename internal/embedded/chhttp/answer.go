package chhttp

import (
	"compress/gzip"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/compress"
)

// frameBytes is how much of an answer goes into one compressed frame.
const frameBytes = 1 << 20

// answer writes a query's output in the encoding the client asked for. Nothing is sent before the first byte, so that
// a failure until then still has its HTTP status.
type answer struct {
	w        http.ResponseWriter
	patience time.Duration // how long the client may take no byte
	tag      string        // announced in a header, and part of an exception in mid-answer
	frames   *compress.Writer
	gzip     *gzip.Writer
	started  bool
}

func newAnswer(w http.ResponseWriter, req *request, tag string, patience time.Duration) *answer {
	a := &answer{w: w, tag: tag, patience: patience}
	switch {
	case req.compressAnswer && strings.EqualFold(req.compressMethod, "ZSTD"):
		a.frames = compress.NewWriter(0, compress.ZSTD)
	case req.compressAnswer:
		a.frames = compress.NewWriter(0, compress.LZ4)
	case req.gzipAnswer:
		w.Header().Set("Content-Encoding", "gzip")
		a.gzip = gzip.NewWriter(w)
	}
	return a
}

func (a *answer) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	a.started = true
	if err := setWriteDeadline(a.w, time.Now().Add(a.patience)); err != nil {
		return 0, err
	}
	switch {
	case a.frames != nil:
		return len(p), a.writeFrames(p)
	case a.gzip != nil:
		return a.gzip.Write(p)
	}
	return a.w.Write(p)
}

func (a *answer) writeFrames(p []byte) error {
	for len(p) > 0 {
		n := min(len(p), frameBytes)
		if err := a.frames.Compress(p[:n]); err != nil {
			return err
		}
		if _, err := a.w.Write(a.frames.Data); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// release lifts the deadline of the last write from the connection, which lives on.
func (a *answer) release() {
	_ = setWriteDeadline(a.w, time.Time{}) // fails only with the connection
}

func setWriteDeadline(w http.ResponseWriter, at time.Time) error {
	err := http.NewResponseController(w).SetWriteDeadline(at)
	if errors.Is(err, http.ErrNotSupported) { // not a network connection
		return nil
	}
	return err
}

// finish ends a complete answer. An empty one says so in its length: clickhouse-go would wait for a block otherwise.
func (a *answer) finish() error {
	switch {
	case !a.started:
		a.w.Header().Del("Content-Encoding")
		a.w.Header().Set("Content-Length", "0")
		return nil
	case a.gzip != nil:
		return a.gzip.Close()
	}
	return nil
}

// fail reports a failure: with an HTTP status while that is possible, else inside the answer. There it stays outside
// the compressed frames, because clients look for it in the raw bytes.
func (a *answer) fail(err error) {
	if !a.started {
		writeException(a.w, err)
		return
	}
	block := exceptionBlock(err, a.tag)
	if a.gzip != nil {
		_, werr := a.gzip.Write(block)
		if errors.Join(werr, a.gzip.Close()) != nil {
			return // the client has gone, and with it whoever the exception was for
		}
		return
	}
	_, _ = a.w.Write(block) // as above
}
