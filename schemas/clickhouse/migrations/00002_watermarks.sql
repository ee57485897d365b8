-- How far each generation of a view has come in each partition. Rows are written after the rows they speak of: what is
-- told here is there, and a row that got lost in a crash is made up for by the next.

-- +goose Up
CREATE TABLE IF NOT EXISTS watermark_rows
(
    view        LowCardinality(String),
    generation  UInt32,
    context     LowCardinality(String),
    partition   Int32,
    next_offset Int64,
    event_time  DateTime64(3, 'UTC'),
    rows        UInt64,
    written_at  DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(next_offset)
ORDER BY (view, generation, context, partition);

CREATE VIEW IF NOT EXISTS watermarks AS
SELECT
    w.view                                                             AS view,
    w.generation                                                       AS generation,
    w.context                                                          AS context,
    w.partition                                                        AS partition,
    max(w.next_offset)                                                 AS next_offset,
    concat(w.context, '/', w.partition, '@', max(w.next_offset) - 1)   AS position,
    max(w.event_time)                                                  AS event_time,
    argMax(w.rows, (w.next_offset, w.written_at))                      AS rows,
    max(w.written_at)                                                  AS written_at
FROM watermark_rows AS w
GROUP BY w.view, w.generation, w.context, w.partition
COMMENT 'How far each view has come in each partition: everything up to position is in it. rows: how many the last write brought';

-- +goose Down
DROP VIEW watermarks;
DROP TABLE watermark_rows;
