// Package sim runs the whole write side under faults that a seed decides, and checks what must hold whatever happened.
//
// There are two worlds. In the pure one nothing is real but the engine, the stores and the leases: one goroutine decides
// everything by one source of chance, so a seed replays bit for bit. In the other the aggregator's workers themselves run
// against a fake broker, on a virtual network and in virtual time (testing/synctest, with the build tag synctests): a
// seed gives the same commands and the same faults, and goroutines take their turns as they please.
//
// Both end in the same place: a history, which is what the run left in the log, in the stores and with its callers. The
// invariants are checked on that alone, by code that shares nothing with the engine but the records' format. Each of
// them has mutations, deliberate mistakes that it is shown to catch; README.md lists them.
//
// No production code imports this package, and none was given a seam for it: faults come in through the network, the
// store, the clock and the interfaces that a worker's configuration has anyway.
package sim
