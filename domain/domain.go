// Package domain lists the bounded contexts that Recount runs. A team adds its own with a folder beside bank, its
// schemas and one line here.
//
// The whole tree below it is pure: rules and mappings on plain values, without a clock, a network, a disk or SQL.
package domain

import (
	"recount/domain/audit"
	"recount/domain/bank"
	"recount/domain/shop"
	"recount/internal/es"
)

// Contexts returns every context, each with its own views and those of the audit.
func Contexts() []es.Context {
	return audit.Every(
		bank.Context(),
		shop.Context(),
	)
}
