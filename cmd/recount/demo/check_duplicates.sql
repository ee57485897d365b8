-- No event is there twice
SELECT subject, toString(events) AS expected, toString(different) AS found
FROM
(
    SELECT count() AS events, uniqExact(event_id) AS ids, uniqExact(context, aggregate, aggregate_id, version) AS versions
    FROM events
)
ARRAY JOIN ['aggregates and versions', 'event IDs'] AS subject, [versions, ids] AS different
ORDER BY subject
