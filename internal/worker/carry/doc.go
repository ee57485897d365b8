// Package carry brings the events of a cluster into an archive, and an archive into an empty cluster. What is carried are
// facts alone: events and the histories of processes. States, snapshots and views follow from them, and are made anew.
//
// Export is no member of any group and writes nothing to Kafka. Import writes to topics that nobody else writes to yet.
package carry
