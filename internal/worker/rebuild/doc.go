// Package rebuild fills generations of views from the log while the ones that serve go on serving, compares the two, has
// the new one take over, and brings a kept one back.
//
// All it knows is in ClickHouse: the states of generations, and watermarks that are written once the rows below them are
// in. Started again after a death at any moment it goes on from there. A claim keeps two of them from one view.
//
// It carries records, rows and errors. It knows no domain, and never changes a generation that serves, but for the rows
// of one aggregate that Mend is asked for.
package rebuild
