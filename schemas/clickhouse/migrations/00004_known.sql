-- What a generation of a view is known to hold: everything of a partition that was recorded by known_until. Rows are
-- written while a partition goes on and while it rests; a row that got lost is made up for by the next.

-- +goose Up
CREATE TABLE IF NOT EXISTS known_rows
(
    view        LowCardinality(String),
    generation  UInt32,
    context     LowCardinality(String),
    partition   Int32,
    partitions  SimpleAggregateFunction(max, Int32) COMMENT 'How many the topic has',
    known_until SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY (view, generation, context, partition);

CREATE VIEW IF NOT EXISTS known AS
SELECT
    p.view        AS view,
    p.generation  AS generation,
    p.context     AS context,
    if(count() < max(p.partitions), toDateTime64(0, 3, 'UTC'), min(p.known_until)) AS known_until
FROM
(
    SELECT k.view AS view, k.generation AS generation, k.context AS context, k.partition AS partition,
        max(k.partitions) AS partitions, max(k.known_until) AS known_until
    FROM known_rows AS k
    GROUP BY view, generation, context, partition
) AS p
GROUP BY p.view, p.generation, p.context
COMMENT 'By when each generation of a view has everything that was recorded, of all partitions';

-- +goose Down
DROP VIEW known;
DROP TABLE known_rows;
