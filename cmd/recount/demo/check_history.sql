-- Every balance is the sum of its account's history
SELECT 'accounts' AS subject, toString(count()) AS expected, toString(countIf(held = moved AND newest = lines)) AS found
FROM
(
    SELECT account_id, sum(held) AS held, sum(moved) AS moved, sum(newest) AS newest, sum(lines) AS lines
    FROM
    (
        SELECT account_id, toInt128(balance) AS held, toInt128(0) AS moved, version AS newest, 0 AS lines
        FROM account_balances
        UNION ALL
        SELECT account_id, toInt128(0) AS held, sum(toInt128(amount)) AS moved, 0 AS newest, count() AS lines
        FROM account_history
        GROUP BY account_id
    )
    GROUP BY account_id
)
