//go:build !(linux && amd64) || nochdb

package chdb

// Supported says that this program can load the engine.
const Supported = false

// Library is the loaded engine; here there is none to load.
type Library struct{}

// Conn is one connection; here there is none to open.
type Conn struct{}

// Open returns ErrUnsupported.
func Open(string) (*Library, error) { return nil, ErrUnsupported }

// Connect returns ErrUnsupported.
func (l *Library) Connect(...string) (*Conn, error) { return nil, ErrUnsupported }

// Close does nothing.
func (c *Conn) Close() {}

// Query returns ErrUnsupported.
func (c *Conn) Query(string, string, []Param) ([]byte, Stats, error) {
	return nil, Stats{}, ErrUnsupported
}

// Stream returns ErrUnsupported.
func (c *Conn) Stream(string, string, []Param, func([]byte) error) error { return ErrUnsupported }
