// Package aggregator is the loop around the pure engine: poll → step → carry out the effects.
//
// One poll is one transaction, all of it decided. Events, refusals, inbox, dispatch, dead letters and the inputs'
// offsets go into ONE Kafka transaction; replies and the store follow only what is known to be committed. After any
// end of unknown outcome nothing is assumed: every partition is taken over again.
//
// It knows no domain: a business word in here is in the wrong place.
package aggregator
