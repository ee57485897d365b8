package order

import "recount/internal/es"

// Refusals: the answers "no" of an order. The strings are wire names that callers branch on: they never change.
const (
	// NotPlaced refuses any command but Place to an order that nobody has placed.
	NotPlaced es.Refusal = "order/not-placed"
	// AlreadyPlaced refuses to place an order a second time.
	AlreadyPlaced es.Refusal = "order/already-placed"
	// Cancelled refuses to go on with an order that was cancelled.
	Cancelled es.Refusal = "order/cancelled"

	// CustomerMissing refuses an order of nobody.
	CustomerMissing es.Refusal = "order/customer-missing"
	// CurrencyInvalid refuses an order in what is not an ISO 4217 code.
	CurrencyInvalid es.Refusal = "order/currency-invalid"
	// CarrierMissing refuses an order that nobody is to carry.
	CarrierMissing es.Refusal = "order/carrier-missing"
	// AddressIncomplete refuses an order to an address without street, city or country.
	AddressIncomplete es.Refusal = "order/address-incomplete"
	// CountryInvalid refuses an order to a country that is not an ISO 3166-1 code of two capital letters.
	CountryInvalid es.Refusal = "order/country-invalid"
	// LinesMissing refuses an order, or a return, of nothing.
	LinesMissing es.Refusal = "order/lines-missing"
	// TooManyLines refuses an order of more than LinesMax lines.
	TooManyLines es.Refusal = "order/too-many-lines"
	// PayWithinInvalid refuses to wait for money less than no time, or longer than PayWithinSecondsMax.
	PayWithinInvalid es.Refusal = "order/pay-within-invalid"
	// SKUMissing refuses a line that names no article.
	SKUMissing es.Refusal = "order/sku-missing"
	// QuantityNotPositive refuses to order or to return nothing of an article, or less than nothing.
	QuantityNotPositive es.Refusal = "order/quantity-not-positive"
	// PriceNotPositive refuses an article that costs nothing, or less than nothing.
	PriceNotPositive es.Refusal = "order/price-not-positive"
	// TaxRateInvalid refuses a tax below nothing or above all of the price.
	TaxRateInvalid es.Refusal = "order/tax-rate-invalid"
	// Overflow refuses an order whose total no int64 can hold.
	Overflow es.Refusal = "order/overflow"

	// NotAllocated refuses to take the money for goods that are not there.
	NotAllocated es.Refusal = "order/not-allocated"
	// CurrencyMismatch refuses money in another currency than the order's.
	CurrencyMismatch es.Refusal = "order/currency-mismatch"
	// AmountMismatch refuses more or less money than the order's total.
	AmountMismatch es.Refusal = "order/amount-mismatch"
	// NotPaid refuses to hand an order to shipping before it was paid.
	NotPaid es.Refusal = "order/not-paid"
	// ShippingNotArranged refuses to ship what shipping does not have.
	ShippingNotArranged es.Refusal = "order/shipping-not-arranged"
	// AlreadyShipped refuses to take back from shipping what has left.
	AlreadyShipped es.Refusal = "order/already-shipped"
	// NotShipped refuses that something arrives, or comes back, that has not left.
	NotShipped es.Refusal = "order/not-shipped"
	// TooLateToCancel refuses to cancel an order that shipping has, or that has left.
	TooLateToCancel es.Refusal = "order/too-late-to-cancel"
	// ReasonMissing refuses to cancel an order without a reason.
	ReasonMissing es.Refusal = "order/reason-missing"

	// ReturnIDMissing refuses a return that can't be told from others.
	ReturnIDMissing es.Refusal = "order/return-id-missing"
	// LineUnknown refuses a return of a line that the order does not have.
	LineUnknown es.Refusal = "order/line-unknown"
	// ReturnedTooMuch refuses that more comes back of a line than is still out.
	ReturnedTooMuch es.Refusal = "order/returned-too-much"
)
