//go:build !nochdb

package chdb

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Supported says that this program can load the engine.
const Supported = true

// Library is the loaded engine. A process loads it once and never unloads it.
type Library struct {
	connecting sync.Mutex // the engine starts with the first connection, and two starts at once are not safe
	fn         functions
}

// functions are the entry points used, with the C types of chdb.h. Strings travel as pointer and length.
type functions struct {
	setSignalHandlers  func(enabled int32)
	connect            func(argc int32, argv unsafe.Pointer) unsafe.Pointer
	closeConnection    func(conn unsafe.Pointer)
	query              func(conn, query unsafe.Pointer, queryLen uintptr, format unsafe.Pointer, formatLen uintptr) unsafe.Pointer
	queryParams        parameterisedCall
	stream             func(conn, query unsafe.Pointer, queryLen uintptr, format unsafe.Pointer, formatLen uintptr) unsafe.Pointer
	streamParams       parameterisedCall
	streamFetch        func(conn, result unsafe.Pointer) unsafe.Pointer
	streamCancel       func(conn, result unsafe.Pointer)
	destroyResult      func(result unsafe.Pointer)
	resultBuffer       func(result unsafe.Pointer) unsafe.Pointer
	resultLength       func(result unsafe.Pointer) uintptr
	resultError        func(result unsafe.Pointer) unsafe.Pointer
	resultElapsed      func(result unsafe.Pointer) float64
	resultRowsWritten  func(result unsafe.Pointer) uint64
	resultStorageReads func(result unsafe.Pointer) uint64
}

type parameterisedCall func(conn, query unsafe.Pointer, queryLen uintptr, format unsafe.Pointer, formatLen uintptr,
	names, nameLens, values, valueLens unsafe.Pointer, count uintptr) unsafe.Pointer

// Open loads libchdb.so from path.
func Open(path string) (*Library, error) {
	var (
		handle uintptr
		err    error
	)
	keepSignals(func() { handle, err = purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL) })
	if err != nil {
		return nil, fmt.Errorf("load libchdb from %s: %w", path, err)
	}
	l := &Library{}
	for _, symbol := range l.fn.symbols() {
		address, err := purego.Dlsym(handle, symbol.name)
		if err != nil {
			return nil, fmt.Errorf("%s is not a libchdb this program understands: %w", path, err)
		}
		purego.RegisterFunc(symbol.target, address)
	}
	// The engine must not install crash handlers over those of the Go runtime. The call that says so resets some
	// signals to their default on its way, after which a nil dereference in Go would kill the process unexplained.
	keepSignals(func() { l.fn.setSignalHandlers(0) })
	return l, nil
}

type symbol struct {
	name   string
	target any
}

func (f *functions) symbols() []symbol {
	return []symbol{
		{"chdb_set_signal_handlers_enabled", &f.setSignalHandlers},
		{"chdb_connect", &f.connect},
		{"chdb_close_conn", &f.closeConnection},
		{"chdb_query_n", &f.query},
		{"chdb_query_with_params_n", &f.queryParams},
		{"chdb_stream_query_n", &f.stream},
		{"chdb_stream_query_with_params_n", &f.streamParams},
		{"chdb_stream_fetch_result", &f.streamFetch},
		{"chdb_stream_cancel_query", &f.streamCancel},
		{"chdb_destroy_query_result", &f.destroyResult},
		{"chdb_result_buffer", &f.resultBuffer},
		{"chdb_result_length", &f.resultLength},
		{"chdb_result_error", &f.resultError},
		{"chdb_result_elapsed", &f.resultElapsed},
		{"chdb_result_rows_written", &f.resultRowsWritten},
		{"chdb_result_storage_rows_read", &f.resultStorageReads},
	}
}

// Connect opens a connection. The first one starts the engine with args (--path=…, --config-file=…); later ones must
// give the same args and share the engine.
func (l *Library) Connect(args ...string) (*Conn, error) {
	argv := append([]string{"clickhouse"}, args...)
	pointers := make([]*byte, 0, len(argv)+1)
	var pin runtime.Pinner
	defer pin.Unpin()
	for _, arg := range argv {
		text := append([]byte(arg), 0)
		pin.Pin(&text[0])
		pointers = append(pointers, &text[0])
	}
	pointers = append(pointers, nil)
	pin.Pin(&pointers[0])

	l.connecting.Lock()
	defer l.connecting.Unlock()
	var conn unsafe.Pointer
	keepSignals(func() { conn = l.fn.connect(int32(len(argv)), unsafe.Pointer(&pointers[0])) })
	if conn == nil || *(*unsafe.Pointer)(conn) == nil {
		return nil, errors.New("libchdb refused the connection; its reason is on standard error")
	}
	return &Conn{fn: &l.fn, handle: conn}, nil
}
