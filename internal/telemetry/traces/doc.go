// Package traces follows a share of all commands on their way, from the HTTP request over the decision to the rows of the
// views, and sends what it sees to a collector as OpenTelemetry's spans (OTLP over HTTP, in protobuf).
//
// The packages that do the work declare whom they tell, as small interfaces of their own (ingest.Tracer, aggregator.Tracer,
// projector.Tracer); the types here make spans of it. From one process to the next a trace goes on in the headers of the
// records (W3C's Trace Context). Whether a command is followed is decided once, where it comes in: what bears no sampled
// traceparent costs a look at its headers and nothing else, and without a collector nobody looks.
//
// It never changes what is done, and nothing waits for it: spans that the collector does not take are dropped and counted.
package traces
