package chhttp

import (
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"

	"github.com/ClickHouse/ch-go/compress"

	"recount/internal/embedded/chdb"
)

// decodeBody undoes what the client did to the body: HTTP's content encoding, ClickHouse's own frames, or both.
func (req *request) decodeBody(body io.Reader) (io.Reader, error) {
	var err error
	switch req.contentEncoding {
	case "":
	case "gzip":
		body, err = gzip.NewReader(body)
	case "deflate":
		body, err = zlib.NewReader(body)
	default:
		return nil, chdb.NewException(codeCompressionUnknown, "UNKNOWN_COMPRESSION_METHOD",
			"The embedded ClickHouse knows gzip, deflate, lz4 and zstd, not Content-Encoding '%s'", req.contentEncoding)
	}
	if err != nil {
		return nil, fmt.Errorf("read the body's %s header: %w", req.contentEncoding, err)
	}
	if req.decompressBody {
		body = endReader{compress.NewReader(body)}
	}
	return body, nil
}

// endReader turns the wrapped end of file of ch-go into the plain one that io.Copy knows.
type endReader struct{ io.Reader }

func (r endReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.EOF
	}
	return n, err
}

// limited passes at most limit bytes on and then fails, where io.LimitReader would pretend that the end was reached:
// half an INSERT must never look like a whole one.
type limited struct {
	from  io.Reader
	limit int64
	read  int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.from.Read(p)
	l.read += int64(n)
	if l.read > l.limit {
		return 0, chdb.NewException(codeQueryTooLarge, "QUERY_IS_TOO_LARGE",
			"The request's body is over the limit of %d bytes; send smaller batches", l.limit)
	}
	return n, err
}
