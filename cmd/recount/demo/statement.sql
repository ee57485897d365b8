-- The last lines of one account's statement, in the order of the world, with the balance after each by all that is known
-- today. Parameter: account.
SELECT valid_at, version, event_type, reference, amount, currency, balance, late
FROM
(
    SELECT
        valid_at, version, event_type, reference, amount, currency,
        toInt64(sum(amount) OVER (ORDER BY valid_at, version ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)) AS balance,
        toBool(valid_at < max(valid_at) OVER (ORDER BY version ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS late
    FROM account_history
    WHERE account_id = ?
    ORDER BY valid_at DESC, version DESC
    LIMIT 12
)
ORDER BY valid_at, version
