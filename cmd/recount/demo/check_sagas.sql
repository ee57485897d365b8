-- Every saga that began has ended
SELECT concat(context, '/', saga) AS subject, toString(count()) AS expected, toString(countIf(ended)) AS found
FROM saga_instances
GROUP BY context, saga
ORDER BY subject
