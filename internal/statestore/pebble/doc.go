// Package pebble keeps a process's partitions on disk, in Pebble, behind the contract of package statestore.
//
// All partitions of a process live in ONE database, each under a prefix of its own. One database a partition was the
// other choice. It would make a partition a directory that one can look at and delete, and keep the compactions of one
// from those of another; with the 12 to 64 partitions of a worker it costs more than that:
//
//   - handing a partition over inside the process would close and open a database, with a replay of its log and an
//     empty cache, in the middle of a takeover; here it is a change of hands, and what is warm stays warm;
//   - memory: a memtable is 64 MB and up to four may wait for the disk, so 64 databases either reserve 16 GB or make
//     do with memtables so small that every one is flushed all the time; one memtable goes to whoever writes;
//   - the disk: one write-ahead log means that one fsync covers all partitions and that their unsynced writes are one
//     sequential stream; 64 logs are 64 fsyncs and 64 streams;
//   - starting: one directory to lock, one manifest and one log to read, one set of background goroutines.
//
// Dropping a partition is one range tombstone, whose space comes back with the next compactions. A damaged database
// loses all partitions of the worker instead of one: they are restored from the log, which is what a store is for.
//
// The package never decides when to sync, and never repairs: what it cannot read it reports, with what to do next.
package pebble
