-- The articles that were short most often: what came and what left, what there was at a moment, and what there is. A
-- request for goods that are not there is refused. Parameter: moment.
SELECT
    a.sku AS sku, h.received AS received, h.shipped AS shipped, t.on_hand AS on_hand_then,
    a.on_hand AS on_hand, a.allocated AS allocated, a.free AS free, r.shortages AS shortages
FROM inventory_allocation AS a
INNER JOIN
(
    SELECT sku, toInt64(sumIf(on_hand, event_type = 'StockReceived')) AS received, toInt64(-sumIf(on_hand, event_type = 'ItemShipped')) AS shipped
    FROM inventory_history
    GROUP BY sku
) AS h ON h.sku = a.sku
LEFT JOIN inventory_allocation_as_of(at = ?) AS t ON t.sku = a.sku
LEFT JOIN
(
    SELECT aggregate_id AS sku, toInt64(count()) AS shortages
    FROM refusals
    WHERE context = 'shop' AND aggregate = 'inventory' AND code = 'inventory/insufficient-stock'
    GROUP BY aggregate_id
) AS r ON r.sku = a.sku
ORDER BY shortages DESC, sku
LIMIT 10
