// Package shop is the bounded context of a shop: its orders with the payment and the shipment of each, its stock, its
// customers, the fulfilment of its orders, payments from accounts of the bank and refunds into them, and the reports about
// all of them.
package shop

import (
	"recount/domain/shop/accountpayment"
	"recount/domain/shop/accountrefund"
	"recount/domain/shop/customer"
	"recount/domain/shop/fulfilment"
	"recount/domain/shop/inventory"
	"recount/domain/shop/order"
	"recount/domain/shop/payment"
	"recount/domain/shop/refund"
	"recount/domain/shop/shipment"
	"recount/domain/shop/views"
	"recount/internal/es"
)

// Context declares the shop.
func Context() es.Context {
	return es.Context{
		Name:       "shop",
		Aggregates: []es.AggregateType{order.Type(), inventory.Type(), customer.Type(), payment.Type(), refund.Type(), shipment.Type()},
		Processes:  []es.Process{fulfilment.Saga(), accountpayment.Saga(), accountrefund.Saga()},
		Views:      views.All(),
	}
}
