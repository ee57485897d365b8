-- What a generation of a view could not map, and what waits behind it. A row per change of an event's fate, the newest of
-- which counts: so a row that is written twice is there once, and one that comes late changes nothing. Who decides which
-- rows there are is the log: the events, and what operators decided, which stands in the topic recount.control.

-- +goose Up
CREATE TABLE IF NOT EXISTS parked_rows
(
    view         LowCardinality(String),
    generation   UInt32,
    context      LowCardinality(String),
    partition    Int32,
    offset       Int64,
    change       UInt32                 COMMENT 'Counts what became of this event, from 0',
    state        LowCardinality(String) COMMENT 'parked, released or discarded',
    stream       LowCardinality(String) COMMENT 'Of the context, where it stands: events or refusals',
    aggregate    LowCardinality(String) COMMENT 'The type of the aggregate',
    aggregate_id String,
    version      Int64                  COMMENT 'Position in the aggregate',
    event_type   LowCardinality(String),
    cause        String                 COMMENT 'Why it could not be mapped; empty: it waited behind one that could not',
    key          String                 COMMENT 'As it stands in the log, where there is a cause',
    value        String                 COMMENT 'As it stands in the log, where there is a cause: bytes, not text',
    recorded_at  DateTime64(3, 'UTC')   COMMENT 'When the event was recorded',
    attempt      String                 COMMENT 'The release that last tried it',
    actor        String                 COMMENT 'Who had it released or discarded',
    why          String                 COMMENT 'Why it was discarded',
    decided_at   DateTime64(3, 'UTC')   COMMENT 'When it was decided to release or discard it',
    changed_at   DateTime64(3, 'UTC')   DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(change)
ORDER BY (view, generation, context, partition, offset)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Events that views could not map, and those that wait behind them';

CREATE VIEW IF NOT EXISTS parked AS
SELECT
    p.view AS view, p.generation AS generation, p.context AS context,
    concat(p.context, '/', p.partition, '@', p.offset) AS position, p.partition AS partition, p.offset AS offset,
    p.state AS state, p.stream AS stream, p.aggregate AS aggregate, p.aggregate_id AS aggregate_id, p.version AS version, p.event_type AS event_type,
    p.cause AS cause, p.key AS key, p.value AS value, p.recorded_at AS recorded_at,
    p.actor AS actor, p.why AS why, p.decided_at AS decided_at, p.changed_at AS changed_at
FROM parked_rows AS p FINAL
COMMENT 'Events that views could not map, those that wait behind them, and what became of both';

-- +goose Down
DROP VIEW parked;
DROP TABLE parked_rows;
