// Package broker runs a real Apache Kafka on this machine, for benchmarks and for tests that a fake would not convince.
//
// One node, broker and controller in one (KRaft), out of the jars that Maven fetches: no container and no installation,
// only Java. It listens on loopback alone, keeps everything in one folder, and ends with the program that started it.
// It is for trials: one replica, an open listener (Listeners adds others), and a flush whenever the operating system likes.
package broker
