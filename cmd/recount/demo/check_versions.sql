-- There are as many events as the newest versions say
SELECT concat(context, ' ', aggregate) AS subject, toString(sum(newest)) AS expected, toString(sum(events)) AS found
FROM
(
    SELECT context, aggregate, aggregate_id, max(version) AS newest, count() AS events
    FROM events
    GROUP BY context, aggregate, aggregate_id
)
GROUP BY context, aggregate
ORDER BY subject
