-- What payments took from accounts is what was settled, what came back there is what was refunded, and nothing is set aside
SELECT concat(currency, ' ', kind) AS subject, toString(sum(wanted)) AS expected, toString(sum(found)) AS found
FROM
(
    SELECT
        JSONExtractString(payload, 'currency') AS currency, JSONExtractString(payload, 'channel') AS channel,
        toInt128(JSONExtractInt(payload, 'amount')) AS amount, toInt128(JSONExtractInt(payload, 'released')) AS released,
        ['settled', 'refunded', 'set aside'] AS kinds,
        [
            if(event_type = 'PaymentSettled', amount, 0),
            multiIf(event_type = 'PaymentRefunded', amount, event_type = 'RefundReversed', -amount, 0),
            if(event_type = 'FundsReserved', amount, 0)
        ] AS all_wanted,
        [
            multiIf(event_type = 'FundsCaptured' AND channel = 'payment', amount, channel = 'payment-reversal', -amount, 0),
            if(channel = 'payment-refund', amount, 0),
            multiIf(event_type = 'FundsCaptured', amount + released, event_type = 'FundsReleased', amount, 0)
        ] AS all_found
    FROM events
    WHERE event_type IN ('PaymentSettled', 'RefundReversed', 'FundsReserved', 'FundsCaptured', 'FundsReleased')
        OR event_type = 'PaymentRefunded' AND JSONExtractString(payload, 'account') != ''
        OR event_type = 'FundsDeposited' AND channel IN ('payment-reversal', 'payment-refund')
)
ARRAY JOIN kinds AS kind, all_wanted AS wanted, all_found AS found
GROUP BY currency, kind
ORDER BY subject
