// Package parking keeps what a view could not map out of the way of everything else. An event whose mapping fails parks its
// aggregate for that view: it and every later event of the aggregate wait, in order, while all others flow, until somebody
// mends the mapping and has them released, or has the event discarded.
//
// It keeps no truth. The events stay where they are, in the log; what operators decided stands in the control topic; and
// where a generation of a view stands with both is written into ClickHouse before the rows of the same range, so that
// whoever repeats the range parks the same events. It never skips an event, decides nothing, and knows no domain.
package parking
