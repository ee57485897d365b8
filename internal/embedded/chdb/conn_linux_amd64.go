//go:build !nochdb

package chdb

import (
	"errors"
	"runtime"
	"unsafe"
)

// Conn is one connection, with its own current database and settings. It runs one statement at a time, and one
// goroutine at a time may use it.
type Conn struct {
	fn     *functions
	handle unsafe.Pointer // chdb_connection*
}

// errNoResult is a NULL where the library promises a result; it does not say why.
var errNoResult = errors.New("libchdb returned no result")

// Close ends the connection. Closing the last one stops the engine.
func (c *Conn) Close() {
	if c.handle == nil {
		return
	}
	c.fn.closeConnection(c.handle)
	c.handle = nil
}

// Query runs a statement to its end and returns its whole output in format.
func (c *Conn) Query(query, format string, params []Param) ([]byte, Stats, error) {
	result := c.call(query, format, params, c.fn.query, c.fn.queryParams)
	if result == nil {
		return nil, Stats{}, errNoResult
	}
	defer c.fn.destroyResult(result)
	if message := cString(c.fn.resultError(result)); message != "" {
		return nil, Stats{}, parseException(message)
	}
	stats := Stats{
		ElapsedSeconds: c.fn.resultElapsed(result),
		RowsRead:       c.fn.resultStorageReads(result),
		RowsWritten:    c.fn.resultRowsWritten(result),
	}
	return append([]byte(nil), c.output(result)...), stats, nil
}

// Stream runs a SELECT and hands each piece of its output to write, which must not keep it. An error of write ends
// the statement and is returned as it is.
func (c *Conn) Stream(query, format string, params []Param, write func([]byte) error) error {
	// The engine keeps the statement's accounting in thread-local variables between two fetches.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	result := c.call(query, format, params, c.fn.stream, c.fn.streamParams)
	if result == nil {
		return errNoResult
	}
	defer c.fn.destroyResult(result)
	if message := cString(c.fn.resultError(result)); message != "" {
		return parseException(message)
	}
	for {
		more, err := c.fetch(result, write)
		if err != nil || !more {
			return err
		}
	}
}

// fetch takes one piece of a stream; an empty one is its end.
func (c *Conn) fetch(stream unsafe.Pointer, write func([]byte) error) (more bool, err error) {
	piece := c.fn.streamFetch(c.connection(), stream)
	if piece == nil {
		return false, errNoResult
	}
	defer c.fn.destroyResult(piece)
	if message := cString(c.fn.resultError(piece)); message != "" {
		return false, parseException(message)
	}
	output := c.output(piece)
	if len(output) == 0 {
		return false, nil
	}
	if err := write(output); err != nil {
		c.fn.streamCancel(c.connection(), stream)
		return false, err
	}
	return true, nil
}

func (c *Conn) connection() unsafe.Pointer { return *(*unsafe.Pointer)(c.handle) }

// output is the result's bytes in the library's memory, gone when the result is destroyed.
func (c *Conn) output(result unsafe.Pointer) []byte {
	length := c.fn.resultLength(result)
	if length == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(c.fn.resultBuffer(result)), length)
}

type plainCall func(conn, query unsafe.Pointer, queryLen uintptr, format unsafe.Pointer, formatLen uintptr) unsafe.Pointer

func (c *Conn) call(query, format string, params []Param, plain plainCall, withParams parameterisedCall) unsafe.Pointer {
	defer runtime.KeepAlive(query)
	defer runtime.KeepAlive(format)
	if len(params) == 0 {
		return plain(c.connection(), stringPointer(query), uintptr(len(query)), stringPointer(format), uintptr(len(format)))
	}
	var pin runtime.Pinner
	defer pin.Unpin()
	p := pinParams(params, &pin)
	return withParams(c.connection(), stringPointer(query), uintptr(len(query)), stringPointer(format), uintptr(len(format)),
		unsafe.Pointer(&p.names[0]), unsafe.Pointer(&p.nameLens[0]), unsafe.Pointer(&p.values[0]), unsafe.Pointer(&p.valueLens[0]),
		uintptr(len(params)))
}

// paramArrays is a list of parameters as C wants it: four arrays of one length.
type paramArrays struct {
	names, values       []unsafe.Pointer
	nameLens, valueLens []uintptr
}

func pinParams(params []Param, pin *runtime.Pinner) *paramArrays {
	p := &paramArrays{}
	for _, param := range params {
		name, value := append([]byte(param.Name), 0), append([]byte(param.Value), 0)
		pin.Pin(&name[0])
		pin.Pin(&value[0])
		p.names = append(p.names, unsafe.Pointer(&name[0]))
		p.values = append(p.values, unsafe.Pointer(&value[0]))
		p.nameLens = append(p.nameLens, uintptr(len(param.Name)))
		p.valueLens = append(p.valueLens, uintptr(len(param.Value)))
	}
	pin.Pin(&p.names[0])
	pin.Pin(&p.values[0])
	pin.Pin(&p.nameLens[0])
	pin.Pin(&p.valueLens[0])
	return p
}

// stringPointer is never NULL, which the library would take for "no such argument".
func stringPointer(s string) unsafe.Pointer {
	if s == "" {
		return unsafe.Pointer(new(byte))
	}
	return unsafe.Pointer(unsafe.StringData(s))
}

func cString(p unsafe.Pointer) string {
	if p == nil {
		return ""
	}
	n := 0
	for *(*byte)(unsafe.Add(p, n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(p), n))
}
