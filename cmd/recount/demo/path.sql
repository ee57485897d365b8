-- What one order went through, and who saw to it. What a saga does is true from when its order is. Parameter: order.
SELECT version, event_type, status, valid_at, actor, reason, currency, refund
FROM order_history
WHERE order_id = ?
ORDER BY version
