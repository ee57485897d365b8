// Package clickhouse is the only part of Recount that talks to ClickHouse: connecting, migrations, the generations of
// views, the sink that inserts a range of records exactly once, and the watermarks that say how far a view has come.
//
// It knows tables, columns and ranges. It never knows what a row means, and never decides what to read from Kafka.
package clickhouse
