// Package kafka is the only part of Recount that talks to Kafka: clients, topics, the transactional session of
// the aggregators and sagas, the declared ranges of the projectors, lag to the last stable offset, transactions that hang.
//
// It moves records and offsets. It never looks into a record's value and knows no domain.
package kafka
