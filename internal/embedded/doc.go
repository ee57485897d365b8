// Package embedded runs the services Recount needs, without installing any: a Kafka broker, a ClickHouse and a schema
// registry, for development, the demo and most tests. The programs use them exactly as they use real ones.
//
//   - Kafka is franz-go's kfake. It runs in this process (StartKafka) or in one of its own (StartKafkaProcess), which
//     crash tests need: the broker must live on while the roles are killed.
//   - ClickHouse is libchdb, the real engine as a library, behind its HTTP interface. It is always a process of its
//     own. LocateLibrary finds the library, or fetches it once.
//   - The registry is pkg/sr/srfake with its schemas and their IDs on disk.
//
// Processes are copies of the running program, which is why its main function calls RunIfChild first. They end with
// their parent, even when that is killed. Every data folder has one user at a time, and a second start on it continues
// where the first one stopped.
//
// # What they are not
//
// Nothing here is for production, and nothing listens on any address but 127.0.0.1: there are no users and no
// passwords. Pages in a browser are refused.
//
// Kafka: kfake is a development broker. An orderly Close keeps everything: records, groups, offsets, open transactions.
// After kill -9 of the process that holds it, the records it acknowledged are there, for they were written to the files
// (unsynced: a power failure may take the newest), and open transactions are aborted; but a transaction's records and
// its offset commit are two writes, so a kill between them leaves one without the other. Measured: 8,363 duplicates in
// 3 M records. Recount's deduplication by command ID hides what reappears; durable means a real Kafka. There is one
// broker, hence replication 1, and compaction knows no lag. In memory, a long load takes gigabytes.
//
// ClickHouse: what was acknowledged survives kill -9 of its process. There is no native protocol, no replication and no
// Keeper, no KILL QUERY by the client's ID, and no query log. Create a database of your own: "default" is an overlay in
// which files are tables too. Table functions such as file() reach whatever files this user can read.
//
// Registry: it finds every schema compatible with every other, so never test compatibility against it; it keeps schemas
// for ever and refuses to delete them.
package embedded
