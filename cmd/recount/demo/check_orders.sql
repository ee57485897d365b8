-- Every order ended: on its way or delivered, returned or cancelled
SELECT 'orders' AS subject, toString(sum(placed)) AS expected, toString(sum(ended)) AS found
FROM
(
    SELECT 1 AS placed, 0 AS ended
    FROM events
    WHERE context = 'shop' AND aggregate = 'order' AND event_type = 'OrderCreated'
    UNION ALL
    SELECT 0 AS placed, 1 AS ended
    FROM orders
    WHERE status IN ('shipped', 'delivered', 'returned', 'cancelled')
)
HAVING count() > 0
