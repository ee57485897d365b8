package account

import "recount/internal/es"

// ChannelUnrecorded is the channel of every movement written before channels were recorded. It says that nobody
// asked; an empty channel says that the caller was asked and did not tell.
const ChannelUnrecorded = "unrecorded"

// Type declares the aggregate: its wire names and how its old events are read. Names are added, never changed.
func Type() es.AggregateType {
	return es.Declare(es.Type[Account, Command, Event]{
		Name:     "account",
		Revision: 1,
		Commands: map[string]Command{
			"Open":     Open{},
			"Deposit":  Deposit{},
			"Withdraw": Withdraw{},
			"Reserve":  Reserve{},
			"Capture":  Capture{},
			"Release":  Release{},
			"Freeze":   Freeze{},
			"Unfreeze": Unfreeze{},
			"Close":    Close{},
		},
		Events: map[string]Event{
			"AccountOpened":   AccountOpened{},
			"FundsDeposited":  FundsDeposited{},
			"FundsWithdrawn":  FundsWithdrawn{},
			"FundsReserved":   FundsReserved{},
			"FundsCaptured":   FundsCaptured{},
			"FundsReleased":   FundsReleased{},
			"AccountFrozen":   AccountFrozen{},
			"AccountUnfrozen": AccountUnfrozen{},
			"AccountClosed":   AccountClosed{},
		},
		Upcasts: map[string][]func(Event) Event{
			"FundsDeposited": {depositedBeforeChannels},
			"FundsWithdrawn": {withdrawnBeforeChannels},
		},
	})
}

// depositedBeforeChannels lifts version 1, which has no channel, to 2.
func depositedBeforeChannels(e Event) Event {
	deposited := e.(FundsDeposited)
	deposited.Channel = ChannelUnrecorded
	return deposited
}

// withdrawnBeforeChannels lifts version 1, which has no channel, to 2.
func withdrawnBeforeChannels(e Event) Event {
	withdrawn := e.(FundsWithdrawn)
	withdrawn.Channel = ChannelUnrecorded
	return withdrawn
}
