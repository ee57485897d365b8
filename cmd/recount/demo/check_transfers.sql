-- What transfers took they gave, or gave back; what they gave is what the complete ones say
SELECT concat(currency, ' ', kind) AS subject, toString(sum(wanted)) AS expected, toString(sum(moved)) AS found
FROM
(
    SELECT
        JSONExtractString(payload, 'currency') AS currency, JSONExtractString(payload, 'channel') AS channel,
        toInt128(JSONExtractInt(payload, 'amount')) AS amount, ['given', 'taken'] AS kinds,
        if(event_type = 'FundsWithdrawn', [toInt128(0), amount], [toInt128(0), toInt128(0)]) AS all_wanted,
        if(event_type = 'FundsWithdrawn', [toInt128(0), toInt128(0)], [if(channel = 'transfer', amount, toInt128(0)), amount]) AS all_moved
    FROM events
    WHERE context = 'bank' AND aggregate = 'account' AND channel IN ('transfer', 'transfer-reversal') AND event_type IN ('FundsDeposited', 'FundsWithdrawn')
    UNION ALL
    SELECT
        currency, '' AS channel, toInt128(t.amount) AS amount, ['given', 'taken'] AS kinds,
        [amount, toInt128(0)] AS all_wanted, [toInt128(0), toInt128(0)] AS all_moved
    FROM transfers AS t
    WHERE status = 'completed'
)
ARRAY JOIN kinds AS kind, all_wanted AS wanted, all_moved AS moved
GROUP BY currency, kind
ORDER BY subject
