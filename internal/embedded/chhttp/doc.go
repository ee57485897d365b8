// Package chhttp serves ClickHouse's HTTP interface on top of the libchdb engine, as far as clickhouse-go, curl and the
// tests of this project use it: queries and inserts in any format, parameters, settings, the native compression of
// clickhouse-go, exceptions before and in the middle of an answer.
//
// Every request gets an engine connection of its own, which costs a fraction of a millisecond, so that no setting and
// no current database leaks from one request into the next.
//
// What it never does: it knows no users and checks no passwords, so whoever serves it keeps it on loopback and keeps
// web pages out. Sessions, roles, external tables and query IDs for KILL QUERY are not there; where ignoring one of
// them would change an answer, it is refused with NOT_IMPLEMENTED.
package chhttp
