-- Revenue, refunds and taxes, as inserts kept them, are those of the payments' events
SELECT concat(currency, ' ', kind) AS subject, toString(sum(told)) AS expected, toString(sum(kept)) AS found
FROM
(
    SELECT
        JSONExtractString(payload, 'currency') AS currency,
        toInt128(JSONExtractInt(payload, 'amount')) AS amount,
        toInt128(JSONExtractInt(payload, 'tax')) AS tax,
        ['revenue', 'refunded', 'taxes'] AS kinds,
        multiIf(event_type = 'PaymentReceived', [amount, 0, tax], event_type = 'PaymentRefunded', [0, amount, -tax], [0, -amount, tax]) AS all_told,
        arrayResize([toInt128(0)], 3, toInt128(0)) AS all_kept
    FROM events
    WHERE context = 'shop' AND aggregate = 'payment' AND event_type IN ('PaymentReceived', 'PaymentRefunded', 'RefundReversed')
    UNION ALL
    SELECT
        currency, toInt128(0) AS amount, toInt128(0) AS tax, ['revenue', 'refunded', 'taxes'] AS kinds,
        arrayResize([toInt128(0)], 3, toInt128(0)) AS all_told, [revenue, refunded, taxes] AS all_kept
    FROM financial_report_monthly
)
ARRAY JOIN kinds AS kind, all_told AS told, all_kept AS kept
GROUP BY currency, kind
ORDER BY subject
