// Package verify walks every aggregate's chain in all partitions of all contexts, beside each other: from Kafka, up to the
// last stable offset, or from an archive. What a walk finds is internal/proof's to say; what is kept of it for later, an
// anchor, is a file.
//
// It is no member of any group, and writes nothing but an anchor that does not exist yet.
package verify
