// Package serde turns values into Avro frames and back, and is the only place that knows how.
//
// A frame is the Confluent wire format: a zero byte, a schema ID of four bytes, the record's body. Every record but a
// reply begins with a field "meta" of a shared type, and an Avro record is nothing but its fields' encodings in a row, so
// a body is meta ++ data. serde therefore splits every schema into the two halves and binds each on its own: meta to
// es.Meta or es.CommandMeta, data to the plain struct the domain declares. The domain stays free of metadata.
//
// A [Catalog] is the schema files and the declared types, proved to fit. A [Codec] is a catalog whose schemas have IDs,
// from a registry ([Catalog.Register]) or without one ([Catalog.Offline]); [Codec.Context] gives the engine its own view.
// twmb/avro serves this hot path. goavro, which needs no Go types, serves the edge where data meets people: JSON
// commands in, events as JSON out.
//
// Decoding never does I/O. A frame whose schema ID is unknown is found by [Codec.Unknown] and fetched by [Codec.Learn],
// before the pure step that decodes it. The package never reads or writes a topic.
package serde
