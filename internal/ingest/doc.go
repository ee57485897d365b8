// Package ingest is where commands enter from outside: an HTTP server that takes one command a request, and a bulk
// loader that takes one a line. Both check a command against its schema, publish it to its aggregate's partition and
// tell the sender what became of it.
//
// Beside the body, which is the command's fields, a POST may say:
//
//	Idempotency-Key: ID           the command's ID, bare or in quotes; without it, one is made (UUIDv7)
//	If-Match: "7"                 the version the aggregate must be at; "0": it must not be there yet
//	Prefer: wait=5                wait up to 5 seconds for the outcome (RFC 7240)
//	Recount-Valid-At: TIME        when it is true in the world (RFC 3339), for back-dated entries
//	Correlation-Id, Causation-Id  recorded with the events
//	traceparent, tracestate       passed on as headers of the record
//	Authorization: Bearer TOKEN   who sends; the token's name becomes the command's actor
//
// A caller who waits has an address of its own: the instance's name, a slash, and a word that no other request has. It
// is the command's reply_to, and must come back as it is as the key of the reply.
//
// It never decides: whether a command is accepted is its aggregate's business, and an answer here is what the
// aggregator replied or the views know. It knows no domain, only what the codec lists.
package ingest
