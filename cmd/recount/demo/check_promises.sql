-- What was promised is what was released, what has left, and what open orders hold
--
-- Pieces: what the events say was promised, and what the views say became of it. Articles: what each holds is what its
-- open promises and its changes add up to.
SELECT subject, expected, found
FROM
(
    SELECT 'pieces' AS subject, toString(sum(promised)) AS expected, toString(sum(kept)) AS found
    FROM
    (
        SELECT toInt128(JSONExtractInt(payload, 'quantity')) AS promised, toInt128(0) AS kept
        FROM events
        WHERE context = 'shop' AND aggregate = 'inventory' AND event_type = 'ItemAllocated'
        UNION ALL
        SELECT toInt128(0) AS promised, -toInt128(allocated) AS kept
        FROM inventory_history
        WHERE event_type IN ('ItemReleased', 'ItemShipped')
        UNION ALL
        SELECT toInt128(0) AS promised, toInt128(quantity) AS kept
        FROM open_allocations
    )
    HAVING count() > 0
    UNION ALL
    SELECT 'articles' AS subject, toString(count()) AS expected, toString(countIf(held = open AND there = moved)) AS found
    FROM
    (
        SELECT sku, sum(held) AS held, sum(open) AS open, sum(there) AS there, sum(moved) AS moved
        FROM
        (
            SELECT sku, toInt128(allocated) AS held, toInt128(0) AS open, toInt128(on_hand) AS there, toInt128(0) AS moved FROM inventory_allocation
            UNION ALL
            SELECT sku, toInt128(0) AS held, toInt128(quantity) AS open, toInt128(0) AS there, toInt128(0) AS moved FROM open_allocations
            UNION ALL
            SELECT sku, toInt128(0) AS held, toInt128(0) AS open, toInt128(0) AS there, toInt128(on_hand) AS moved FROM inventory_history
        )
        GROUP BY sku
    )
    HAVING count() > 0
)
ORDER BY subject
