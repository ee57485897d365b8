-- No event is there twice
SELECT 'event IDs' AS subject, toString(count()) AS expected, toString(uniqExact(event_id)) AS found
FROM events
UNION ALL
SELECT 'aggregates and versions' AS subject, toString(count()) AS expected, toString(uniqExact(context, aggregate, aggregate_id, version)) AS found
FROM events
