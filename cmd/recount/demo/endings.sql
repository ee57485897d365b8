-- How the orders ended, and why those that were cancelled were.
SELECT status, reason, currency, count() AS orders, toInt64(sum(total)) AS total
FROM (SELECT status, if(status = 'cancelled', reason, '') AS reason, currency, total FROM orders)
GROUP BY status, reason, currency
ORDER BY status, orders DESC, reason, currency
