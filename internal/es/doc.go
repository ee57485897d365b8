// Package es is the pure core of Recount: what an aggregate is, how it is folded, how a bounded context
// declares its aggregates and views, and the metadata every record carries.
//
// It performs no I/O, reads no clock and draws no random number: time and IDs arrive as values, inside the
// command. The programs around it (aggregator, projectors, saga) run what is declared here and never add a
// business rule of their own.
package es
