// Package e2e tries the programs as they are shipped against real Kafka, in a container, while everything that can fail
// is made to: processes and the broker are killed, frozen and restarted, the network is cut, workers come and go.
//
// Its tests are under the build tag e2e, the long ones under soak as well. make e2e and make soak run them and see to what
// they need; they never skip. The folders below hold what they are made of: script writes commands of which it is known
// what must come, audit compares that with the log and books compares the views with it, broker and fleet run what is tried,
// and cut is the network between.
package e2e
