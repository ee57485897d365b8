-- Of every order the shop has the money, less what was sent back; of those that were cancelled it has nothing
SELECT 'orders' AS subject, toString(count()) AS expected, toString(countIf(owed = paid)) AS found
FROM
(
    SELECT order_id, sum(owed) AS owed, sum(paid) AS paid
    FROM
    (
        SELECT order_id, toInt128(if(status = 'cancelled', 0, total - returned)) AS owed, toInt128(0) AS paid FROM orders
        UNION ALL
        SELECT order_id, toInt128(0) AS owed, toInt128(amount) AS paid FROM financial_entries
    )
    GROUP BY order_id
)
HAVING count() > 0
