// Package statestore keeps what a worker knows of its partitions, so that it need not fold their logs from the start
// each time: byte keys and byte values, one ordered space of them a partition.
//
// The log is the truth and a store is a cache of it. That decides everything here. A write is atomic but not synced:
// a crash may cost the newest batches, never half of one. Whoever writes therefore puts the values, what they were
// derived from (the watermark) and what must not be forgotten with them (dedup blocks) into ONE [Batch]; after a crash
// the three agree, and the log is folded on from the watermark. How keys are laid out is the writer's business.
//
// The parts: [Store] and [Root] are the contract, implemented by [Mem] for tests and by the pebble package for disks
// and held to it by statestoretest. [Overlay] keeps writes above a store until they may go down. [Leases] sees to it
// that a partition has one writer inside the process, and that what a former one left over is dropped.
//
// The package never decodes a key or a value, never reads a clock, and never starts a goroutine.
package statestore
