// Package projector is the loop that keeps views up to date: for every view of every context, records are read in
// declared ranges, mapped to rows, inserted under the range's token and confirmed, so that each row is there once
// whatever dies in between.
//
// It carries data and errors. It knows no domain, decides nothing, and never skips a record: a view that cannot go on
// stops with an error that names the record, and the others go on.
package projector
