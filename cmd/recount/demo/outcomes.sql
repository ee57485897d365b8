-- What became of the commands that were loaded: those of a topic from certain offsets on. A command that was decided
-- left events, or one row of refusals, and both name its place. Parameters: topic, one offset a partition, twice.
SELECT outcome, count() AS commands
FROM
(
    SELECT DISTINCT source_partition, source_offset, 'accepted' AS outcome
    FROM events
    WHERE source_topic = ? AND source_offset >= arrayElement(?, source_partition + 1)
    UNION ALL
    SELECT source_partition, source_offset, outcome
    FROM refusals
    WHERE source_topic = ? AND source_offset >= arrayElement(?, source_partition + 1)
)
GROUP BY outcome
ORDER BY outcome
