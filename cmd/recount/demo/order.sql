-- The order that went through most.
SELECT order_id, customer_id, currency, total
FROM orders
ORDER BY version DESC, order_id
LIMIT 1
