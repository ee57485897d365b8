package deals

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"recount/domain/bank/transfer"
	"recount/domain/shop/inventory"
	"recount/domain/shop/order"
	"recount/internal/clickhouse"
)

// Views compares what the views in ClickHouse say of deals with the log, and returns the money in the accounts they
// show, by currency.
func (l *Log) Views(ctx context.Context, db *clickhouse.DB) (total map[string]int64, err error) {
	total, err = amounts(ctx, db, "SELECT currency AS name, sum(balance) AS amount FROM account_balances GROUP BY currency HAVING amount != 0")
	moved, err2 := amounts(ctx, db, "SELECT currency AS name, sum(amount) AS amount FROM account_history GROUP BY currency HAVING amount != 0")
	if err = errors.Join(err, err2); err != nil {
		return nil, err
	}
	var f faults
	if !maps.Equal(total, moved) {
		f.add(ErrMoney, "the accounts hold %v, and moved %v", total, moved)
	}
	transfers, orders, promised, onHand := map[string]int64{}, map[string]int64{}, map[string]int64{}, map[string]int64{}
	for _, t := range all[transfer.Transfer](l, "transfer") {
		transfers[string(t.Status)]++
	}
	for _, o := range all[order.Order](l, "order") {
		orders[string(o.Status)]++
	}
	for key, s := range all[inventory.Inventory](l, "inventory") {
		promised[key.ID], onHand[key.ID] = s.Allocated, s.OnHand
	}
	for _, q := range []struct {
		query string
		want  map[string]int64
	}{
		{"SELECT status AS name, toInt64(count()) AS amount FROM transfers GROUP BY status", transfers},
		{"SELECT status AS name, toInt64(count()) AS amount FROM orders GROUP BY status", orders},
		{"SELECT sku AS name, allocated AS amount FROM inventory_allocation", promised},
		{"SELECT sku AS name, on_hand AS amount FROM inventory_allocation", onHand},
		{"SELECT 'open' AS name, toInt64(count()) AS amount FROM saga_instances WHERE NOT ended HAVING amount > 0", map[string]int64{}},
	} {
		got, err := amounts(ctx, db, q.query)
		if err != nil {
			return nil, err
		}
		if !maps.Equal(got, q.want) {
			f.add(ErrDiffer, "%s: %v, the log says %v", q.query, got, q.want)
		}
	}
	return total, errors.Join(f.found...)
}

// amounts asks for names with an amount each.
func amounts(ctx context.Context, db *clickhouse.DB, query string) (map[string]int64, error) {
	var rows []struct {
		Name   string `ch:"name"`
		Amount int64  `ch:"amount"`
	}
	if err := db.Select(ctx, &rows, query); err != nil {
		return nil, fmt.Errorf("asking %s: %w", query, err)
	}
	out := map[string]int64{}
	for _, r := range rows {
		out[r.Name] = r.Amount
	}
	return out, nil
}
