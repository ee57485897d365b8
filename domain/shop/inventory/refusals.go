package inventory

import "recount/internal/es"

// Refusals: the answers "no" of an article's stock. The strings are wire names that callers branch on: they never change.
const (
	// NotStocked refuses what is asked of an article that was never received.
	NotStocked es.Refusal = "inventory/not-stocked"
	// QuantityNotPositive refuses to receive or to promise nothing, or less than nothing.
	QuantityNotPositive es.Refusal = "inventory/quantity-not-positive"
	// LineMissing refuses a promise to no order, or to no line of it.
	LineMissing es.Refusal = "inventory/line-missing"
	// InsufficientStock refuses to promise more than is free.
	InsufficientStock es.Refusal = "inventory/insufficient-stock"
	// AllocatedOtherwise refuses to promise a line another quantity than it is promised already.
	AllocatedOtherwise es.Refusal = "inventory/allocated-otherwise"
	// TooManyAllocations refuses more than OpenMax open promises.
	TooManyAllocations es.Refusal = "inventory/too-many-allocations"
	// NotAllocated refuses to ship what is not promised.
	NotAllocated es.Refusal = "inventory/not-allocated"
	// BelowAllocated refuses that there is less than what is promised: release something first.
	BelowAllocated es.Refusal = "inventory/below-allocated"
	// ReasonMissing refuses a difference that nobody accounts for.
	ReasonMissing es.Refusal = "inventory/reason-missing"
	// Overflow refuses more than an int64 can hold.
	Overflow es.Refusal = "inventory/overflow"
)
