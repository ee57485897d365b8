// Package archive keeps the events of a cluster in a folder: one file for each range of a partition, and a manifest that
// says what they are and what their SHA-256 is. A file is never written again; what comes later goes into new ones.
//
// It knows files and hashes, and neither brokers nor chains: whether events follow from each other is shown by
// internal/proof, over an archive as over a log.
package archive
