-- No article promised more than there was of it, at any version
SELECT 'versions' AS subject, toString(count()) AS expected, toString(countIf(allocated_after >= 0 AND on_hand_after >= allocated_after)) AS found
FROM inventory_history
HAVING count() > 0
