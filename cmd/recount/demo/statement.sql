-- The last lines of one account's statement, in the order of the world, with the balance after each by all that is known
-- today. Parameter: account.
SELECT valid_at, version, event_type, reference, amount, currency, balance, late
FROM
(
    SELECT
        line, valid_at, version, event_type, reference, amount, currency, balance,
        toBool(valid_at < max(valid_at) OVER (ORDER BY version ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS late
    FROM account_statement
    WHERE account_id = ?
    ORDER BY line DESC
    LIMIT 12
)
ORDER BY line
