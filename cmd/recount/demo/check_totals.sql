-- Totals by day, currency and type, as inserts kept them, are those of the events
SELECT 'totals' AS subject, toString(count()) AS expected, toString(countIf(kept = told AND moved = paid)) AS found
FROM
(
    SELECT day, currency, event_type, sum(kept) AS kept, sum(told) AS told, sum(moved) AS moved, sum(paid) AS paid
    FROM
    (
        SELECT day, currency, event_type, events AS kept, 0 AS told, amount AS moved, toInt128(0) AS paid
        FROM account_totals_daily
        UNION ALL
        SELECT
            toDate32(valid_at) AS day, JSONExtractString(payload, 'currency') AS currency, event_type, 0 AS kept, 1 AS told, toInt128(0) AS moved,
            toInt128(multiIf(event_type = 'FundsDeposited', 1, event_type IN ('FundsWithdrawn', 'FundsCaptured'), -1, 0)) * JSONExtractInt(payload, 'amount') AS paid
        FROM events
        WHERE context = 'bank' AND aggregate = 'account'
    )
    GROUP BY day, currency, event_type
)
