// Package workload is the stream of commands that everything measured takes: a bank's accounts opened, paid into and drawn
// from, in an order and with amounts that depend on a seed alone.
//
// The stream is made so that every command is accepted and leaves one event: what a contender must have written is then
// known to the cent, account by account, without trusting any contender. Commands are encoded once, by the codec that
// ingest uses, and kept in a file; each measured run has them loaded into a topic of a fresh broker.
package workload
