// Package container writes and reads files of a log's records in the form of Avro's Object Container Files, so that any
// program that knows Avro can read an archive.
//
// A record's body stands in it as it was written, byte by byte, beside the name and version of its schema: chains are over
// bytes, and an event that was decoded and encoded again could differ. It knows nothing of topics, and checks no hashes:
// give it only files that are known to be whole.
package container

import (
	"errors"
	"fmt"
	"io"

	"github.com/linkedin/goavro/v2"
)

// Record is one record of a log of events.
type Record struct {
	Offset int64
	// TimestampMillis is the record's own time, Unix milliseconds.
	TimestampMillis int64
	Key             []byte
	// Schema and SchemaVersion name the schema of Body.
	Schema        string
	SchemaVersion int
	Body          []byte
	Headers       []Header
}

// Header is a record's header.
type Header struct {
	Key   string
	Value []byte
}

// schema is that of the files' items.
const schema = `{"type":"record","name":"ArchivedEvent","namespace":"recount","fields":[
{"name":"offset","type":"long","doc":"Where the record stood in its partition."},
{"name":"timestamp","type":"long","doc":"The record's own time, Unix milliseconds."},
{"name":"key","type":"bytes"},
{"name":"schema","type":"string","doc":"Full name of the event's schema: the manifest has it."},
{"name":"schema_version","type":"int"},
{"name":"body","type":"bytes","doc":"The event, in Avro's binary form."},
{"name":"headers","type":{"type":"array","items":{"type":"record","name":"ArchivedHeader","fields":[
{"name":"key","type":"string"},{"name":"value","type":"bytes"}]}}}]}`

const (
	// A block ends with so many records, or bytes: what is in memory at a time.
	blockRecordsMax = 1_000
	blockBytesMax   = 1 << 20
)

// Writer writes one file.
type Writer struct {
	out     *goavro.OCFWriter
	block   []any
	pending int
}

// NewWriter begins a file. name goes into its metadata.
func NewWriter(to io.Writer, name string) (*Writer, error) {
	out, err := goavro.NewOCFWriter(goavro.OCFConfig{
		// Given a file itself, the library would look into it for a header to go on behind.
		W: writerOnly{to}, Schema: schema, CompressionName: goavro.CompressionSnappyLabel,
		MetaData: map[string][]byte{"recount.name": []byte(name)},
	})
	if err != nil {
		return nil, fmt.Errorf("beginning a container file: %w", err)
	}
	return &Writer{out: out}, nil
}

type writerOnly struct{ io.Writer }

// Write adds a record. Its memory is free once it returns.
func (w *Writer) Write(r *Record) error {
	headers := make([]any, len(r.Headers))
	for i, h := range r.Headers {
		headers[i] = map[string]any{"key": h.Key, "value": append([]byte{}, h.Value...)}
	}
	w.block = append(w.block, map[string]any{
		"offset": r.Offset, "timestamp": r.TimestampMillis, "key": append([]byte{}, r.Key...), "schema": r.Schema,
		"schema_version": r.SchemaVersion, "body": append([]byte{}, r.Body...), "headers": headers,
	})
	if w.pending += len(r.Key) + len(r.Body); len(w.block) < blockRecordsMax && w.pending < blockBytesMax {
		return nil
	}
	return w.Flush()
}

// Flush writes what is left. It ends the file, too.
func (w *Writer) Flush() error {
	if len(w.block) == 0 {
		return nil
	}
	if err := w.out.Append(w.block); err != nil {
		return fmt.Errorf("writing a container file: %w", err)
	}
	clear(w.block)
	w.block, w.pending = w.block[:0], 0
	return nil
}

// Read hands every record of a file to deliver, in order. It is valid until the next.
func Read(from io.Reader, deliver func(*Record) error) error {
	in, err := goavro.NewOCFReader(from)
	if err != nil {
		return fmt.Errorf("reading a container file: %w", err)
	}
	for in.Scan() {
		item, err := in.Read()
		if err != nil {
			return fmt.Errorf("reading a container file: %w", err)
		}
		r, ok := record(item)
		if !ok {
			return errors.New("reading a container file: it holds something else than events")
		}
		if err := deliver(&r); err != nil {
			return err
		}
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("reading a container file: %w", err)
	}
	return nil
}

// record takes an item over; false: it is of another schema.
func record(item any) (r Record, ok bool) {
	fields, _ := item.(map[string]any)
	var version int32
	var headers []any
	ok = take(fields, "offset", &r.Offset) && take(fields, "timestamp", &r.TimestampMillis) && take(fields, "key", &r.Key) &&
		take(fields, "schema", &r.Schema) && take(fields, "schema_version", &version) && take(fields, "body", &r.Body) &&
		take(fields, "headers", &headers)
	r.SchemaVersion = int(version)
	for _, h := range headers {
		var header Header
		pair, _ := h.(map[string]any)
		ok = ok && take(pair, "key", &header.Key) && take(pair, "value", &header.Value)
		r.Headers = append(r.Headers, header)
	}
	return r, ok
}

func take[T any](fields map[string]any, name string, into *T) (ok bool) {
	*into, ok = fields[name].(T)
	return ok
}
