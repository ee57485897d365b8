-- Balances add up to deposits less withdrawals
--
-- Two ways that share nothing after the log: what the events say was moved, and what the accounts say they hold.
SELECT currency AS subject, toString(sum(moved)) AS expected, toString(sum(held)) AS found
FROM
(
    SELECT
        JSONExtractString(payload, 'currency') AS currency,
        toInt128(if(event_type = 'FundsDeposited', 1, -1)) * JSONExtractInt(payload, 'amount') AS moved,
        toInt128(0) AS held
    FROM events
    WHERE context = 'bank' AND aggregate = 'account' AND event_type IN ('FundsDeposited', 'FundsWithdrawn', 'FundsCaptured')
    UNION ALL
    SELECT currency, toInt128(0) AS moved, toInt128(balance) AS held
    FROM account_balances
)
GROUP BY currency
ORDER BY currency
