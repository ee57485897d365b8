-- The account whose statement tells most: the one with the most late entries among its last lines. A late entry is valid
-- before something that was recorded earlier. It is one of the month's: what sagas enter on the day, they enter side by side,
-- so that what is late of it is chance.
SELECT account_id
FROM
(
    SELECT account_id, late, row_number() OVER (PARTITION BY account_id ORDER BY valid_at DESC, version DESC) AS line
    FROM
    (
        SELECT
            account_id, valid_at, version,
            valid_at < max(valid_at) OVER (PARTITION BY account_id ORDER BY version ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS late
        FROM account_history
        WHERE startsWith(account_id, 'acct-')
    )
)
GROUP BY account_id
ORDER BY countIf(late AND line <= 12) DESC, count() DESC, account_id
LIMIT 1
