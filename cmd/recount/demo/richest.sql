-- The richest accounts, and whose they are. A customer that nobody registered has no name.
SELECT b.account_id AS account_id, c.name AS customer, b.balance AS balance, b.currency AS currency, b.status AS status, b.version AS version
FROM account_balances AS b
LEFT JOIN customers AS c ON c.customer_id = b.customer_id
ORDER BY b.balance DESC, b.account_id
LIMIT 10
