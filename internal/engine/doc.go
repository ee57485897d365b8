// Package engine is the pure step of the aggregator and of the sagas: commands in, Effects out.
//
// It never performs an effect. Whoever runs it keeps this order, and a crash between two lines costs nothing:
//
//  1. fx := p.Step(now, batch)        decide a batch; p is unchanged
//  2. publish fx.Events, fx.Refusals, fx.Inbox, fx.Dispatch, fx.DeadLetters and fx.Next in ONE Kafka transaction
//  3. p.Commit(fx, eventsNext)        only for what is known to be committed; an unknown outcome drops fx and folds
//  4. send fx.Replies
//  5. write fx.Writes and p.Flush() to the store, some time later: the store lags behind the log, never ahead of it
//
// Dying after 2 loses the memory and the store's copy, which Fold rebuilds from the events and refusals.
// Dying before 2 loses nothing: the commands are read again and decided the same.
//
// The package imports no clock, network, disk, log or random source.
package engine
