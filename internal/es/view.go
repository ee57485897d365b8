package es

import "slices"

// Source topics a view can be mapped from.
const (
	FromEvents      Stream = "events"
	FromRefusals    Stream = "refusals"
	FromDeadLetters Stream = "dead-letters"
	FromProcesses   Stream = "processes" // the sagas' own events
)

// Stream names the topic of a context that a view maps: "<ctx>.<stream>".
type Stream string

// FreshnessMillisDefault is for archives and reports, which nobody watches as they change.
const FreshnessMillisDefault = 1000

// View is a projection: a pure mapping from the records of one stream to rows. No business logic and no
// look-ups: what a view needs, the record carries.
type View struct {
	// Name is the view's name and that of its SQL file, schemas/clickhouse/<name>.sql.
	Name string
	// Revision is raised whenever the mapping gives other rows for old records; a new revision is a new generation.
	Revision int
	From     Stream
	// FreshnessMillis is how long a record may wait, in milliseconds, until its rows are inserted: a promise to readers,
	// paid for with inserts. What comes after a pause does not wait at all, and a longer time makes fewer and larger
	// inserts of a steady stream. 0: FreshnessMillisDefault.
	FreshnessMillis int64
	// Tables are the tables Map writes, without the generation in their names.
	Tables []AnyTable
	// Map appends the rows of one record to the tables of out. An error parks the record's aggregate for this view.
	Map func(r Recorded, out *Rows) error
}

// Freshness returns FreshnessMillis, or what it defaults to.
func (v View) Freshness() int64 {
	if v.FreshnessMillis == 0 {
		return FreshnessMillisDefault
	}
	return v.FreshnessMillis
}

// Recorded is one record of a stream at its place.
type Recorded struct {
	Context   string
	Partition int32
	Offset    int64
	// Timestamp is the broker's, in Unix milliseconds. Never order by it.
	Timestamp int64
	Meta      Meta

	// Aggregate is the aggregate's type ("account"), Type the event's wire name ("FundsDeposited") and SchemaVersion the one it was written with.
	Aggregate     string
	Type          string
	SchemaVersion int
	// Event is the decoded event, lifted to its newest version; nil in refusals and dead letters.
	Event any
	// JSON returns the record's data, without its meta, as JSON of the writer's schema.
	JSON func() (string, error)

	Refusal    *Rejection  // in refusals
	DeadLetter *DeadLetter // in dead letters
}

// Rejection is an outcome that left no event.
type Rejection struct {
	// Command is the command's wire name: "bank.account.withdraw".
	Command string
	Outcome Outcome
	// Code is stable; Detail is for people.
	Code   string
	Detail string
}

// DeadLetter is a record that could not be processed: original bytes, why, and where it came from. Of one that was larger
// than a record of ours there is no Value, and the bytes are at its Origin for as long as that topic keeps them.
type DeadLetter struct {
	Key, Value []byte
	Reason     string
	Detail     string
	Origin     Source
}

// Table is a typed handle on a table of a view. R is a flat struct whose fields each carry a `ch:"column"` tag and have
// one of these types:
//
//	Go                               ClickHouse
//	string                           String, LowCardinality(String), Enum8, Enum16
//	[]byte                           String
//	bool                             Bool
//	int8 … int64, uint8 … uint64     Int8 … Int64, UInt8 … UInt64
//	float32, float64                 Float32, Float64
//	int64 with `ch:"column,millis"`  DateTime64(3, 'UTC'): Unix milliseconds
//	ID                               UUID
//	Hash, and other arrays of bytes  FixedString(32), of their length
type Table[R any] struct{ name string }

// NewTable declares the table called name with rows of type R.
func NewTable[R any](name string) Table[R] { return Table[R]{name} }

// AnyTable is a Table with its row type erased.
type AnyTable interface {
	Name() string
	// NewRows returns an empty *[]R.
	NewRows() any
	// size is the number of rows in a *[]R; cut takes those from n on away and keeps their memory.
	size(rows any) int
	cut(rows any, n int)
}

// Name returns the table's name, without a generation.
func (t Table[R]) Name() string { return t.name }

// NewRows returns an empty *[]R.
func (t Table[R]) NewRows() any { return new([]R) }

func (t Table[R]) size(rows any) int { return len(*rows.(*[]R)) }

func (t Table[R]) cut(rows any, n int) {
	all := rows.(*[]R)
	clear((*all)[n:]) // what the rows held may be collected
	*all = (*all)[:n]
}

// rowsMin is for how many rows room is made at first.
const rowsMin = 64

// Append adds row to the rows of t in out.
func (t Table[R]) Append(out *Rows, row R) {
	rows := out.table(t.name).(*[]R)
	if len(*rows) == cap(*rows) {
		// Twice as much each time: in the steps of append, a quarter, rows would be copied four times until there are many.
		*rows = slices.Grow(*rows, max(len(*rows), rowsMin))
	}
	*rows = append(*rows, row)
}

// Rows collects the rows of a view's tables, one typed slice a table.
type Rows struct {
	of    []AnyTable
	names []string
	rows  []any // *[]R of each
	marks []int // how many rows each had when Mark was called
}

// NewRows returns an empty collection for tables.
func NewRows(tables ...AnyTable) *Rows {
	r := &Rows{}
	for _, t := range tables {
		r.of, r.names = append(r.of, t), append(r.names, t.Name())
		r.rows, r.marks = append(r.rows, t.NewRows()), append(r.marks, 0)
	}
	return r
}

// table returns the rows of a table. A view has a few, so to look along their names is quicker than a map.
func (r *Rows) table(name string) any {
	for i, n := range r.names {
		if n == name {
			return r.rows[i]
		}
	}
	panic("es: the view declares no table " + name)
}

// Mark notes which rows there are: Undo takes away those that come after.
func (r *Rows) Mark() {
	for i, t := range r.of {
		r.marks[i] = t.size(r.rows[i])
	}
}

// Undo takes away what was appended since Mark: a mapping that failed may have appended some of its rows.
func (r *Rows) Undo() {
	for i, t := range r.of {
		t.cut(r.rows[i], r.marks[i])
	}
}

// Empty says whether there is no row.
func (r *Rows) Empty() bool {
	for i, t := range r.of {
		if t.size(r.rows[i]) > 0 {
			return false
		}
	}
	return true
}

// Len is the number of rows, of all tables together.
func (r *Rows) Len() (n int) {
	for i, t := range r.of {
		n += t.size(r.rows[i])
	}
	return n
}

// Reset empties the collection and keeps its memory for the next rows.
func (r *Rows) Reset() {
	for i, t := range r.of {
		t.cut(r.rows[i], 0)
	}
}

// Each yields every table's name and its rows as a *[]R, in the order declared.
func (r *Rows) Each(yield func(table string, rows any) bool) {
	for i, rows := range r.rows {
		if !yield(r.names[i], rows) {
			return
		}
	}
}
