// Package proof is PURE. It walks the chain of every aggregate in a partition of events, record by record, and names the
// first link of each that does not hold: what was altered, removed, exchanged or put in.
//
// It trusts nothing but the rule by which links are made (see [engine.Link]): not the keys, not the order, not the
// partition a record lies in. What it can't know by the records alone, that the newest events of an aggregate were cut off
// or written anew, it tells by heads that were noted earlier and kept elsewhere. It never reads a log, and mends nothing.
package proof
