package chhttp

import (
	"regexp"
	"strconv"

	"github.com/ClickHouse/ch-go/proto"
)

// hello is the query with which clickhouse-go opens a connection.
var hello = regexp.MustCompile(`(?i)^\s*SELECT\s+displayName\(\),\s*version\(\),\s*revision\(\),\s*timezone\(\)\s*$`)

// isHello tells whether the answer must be helloBlock instead of the engine's own.
func (req *request) isHello(query string) bool {
	return req.clientRevision != "" && hello.MatchString(query)
}

// helloBlock answers hello with the revision 0. The library writes the Native format as revision 0 knows it, and the
// client reads every later block by the revision it is told here; only this very block it reads by its own.
func (e *Engine) helloBlock(clientRevision string) ([]byte, error) {
	revision, err := strconv.Atoi(clientRevision)
	if err != nil {
		return nil, err
	}
	var name, version, timezone proto.ColStr
	name.Append(displayName)
	version.Append(e.version)
	timezone.Append(e.timezone)
	var (
		buf   proto.Buffer
		block = proto.Block{Info: proto.BlockInfo{BucketNum: -1}, Columns: 4, Rows: 1}
	)
	err = block.EncodeBlock(&buf, revision, []proto.InputColumn{
		{Name: "displayName()", Data: name},
		{Name: "version()", Data: version},
		{Name: "revision()", Data: proto.ColUInt32{0}},
		{Name: "timezone()", Data: timezone},
	})
	return buf.Buf, err
}

// displayName is what the server calls itself.
const displayName = "recount-embedded"
