package order

import (
	"recount/domain/money"
	"recount/internal/es"
)

// LinesMax bounds an order, and so its state, its events and what a fulfilment of it sends.
const LinesMax = 100

// PayWithinSecondsMax bounds how long goods are set aside for an order whose money has not come: 30 days.
const PayWithinSecondsMax = 30 * 24 * 60 * 60

func (o Order) place(c Place) ([]Event, error) {
	if err := es.First(
		es.Require(o.Status == "", AlreadyPlaced),
		es.Require(c.CustomerID != "", CustomerMissing),
		es.Require(money.IsCurrency(c.Currency), CurrencyInvalid),
		es.Require(c.Carrier != "", CarrierMissing),
		es.Require(c.ShipTo.Complete(), AddressIncomplete),
		es.Require(c.ShipTo.HasCountryCode(), CountryInvalid),
		es.Require(len(c.Lines) > 0, LinesMissing),
		es.Require(len(c.Lines) <= LinesMax, TooManyLines),
		es.Require(c.PayWithinSeconds >= 0 && c.PayWithinSeconds <= PayWithinSecondsMax, PayWithinInvalid),
	); err != nil {
		return nil, err
	}
	created := OrderCreated{
		CustomerID: c.CustomerID, Currency: c.Currency, Carrier: c.Carrier, ShipTo: c.ShipTo,
		PayWithinSeconds: c.PayWithinSeconds, PayFromAccount: c.PayFromAccount,
	}
	for _, asked := range c.Lines {
		line, err := asked.price()
		if err != nil {
			return nil, err
		}
		// A tax is never more than what is taxed, but both together may not fit, nor one line beside the others.
		if !money.Fits(line.Net, line.Tax) || !money.Fits(created.Total, line.Net+line.Tax) {
			return nil, Overflow
		}
		created.Lines = append(created.Lines, line)
		created.Net, created.Tax, created.Total = created.Net+line.Net, created.Tax+line.Tax, created.Total+line.Net+line.Tax
	}
	return []Event{created}, nil
}

// price adds up what a line costs.
func (l Line) price() (PricedLine, error) {
	if err := es.First(
		es.Require(l.SKU != "", SKUMissing),
		es.Require(l.Quantity > 0, QuantityNotPositive),
		es.Require(l.UnitPrice > 0, PriceNotPositive),
		es.Require(l.TaxRate >= 0 && l.TaxRate <= money.Whole, TaxRateInvalid),
	); err != nil {
		return PricedLine{}, err
	}
	net, ok := money.Times(l.UnitPrice, l.Quantity)
	if !ok {
		return PricedLine{}, Overflow
	}
	return PricedLine{Line: l, Net: net, Tax: money.Share(net, l.TaxRate)}, nil
}
