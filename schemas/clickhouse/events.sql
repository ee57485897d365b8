-- events: every event of every context, its metadata in columns and its data as JSON.
--
-- Sorted by place in the log: appended in order, and compared range by range between generations. The indexes find one
-- aggregate's events and one command's without reading the rest.

-- recount:tables
CREATE TABLE IF NOT EXISTS {{.Database}}.events_g{{.Generation}}
(
    context            LowCardinality(String),
    partition          Int32,
    offset             Int64                  CODEC(Delta, ZSTD),
    aggregate          LowCardinality(String) COMMENT 'The type of the aggregate',
    aggregate_id       String                 CODEC(ZSTD),
    version            UInt64                 COMMENT 'Position in the aggregate: 1, 2, 3 …' CODEC(T64, ZSTD),
    event_type         LowCardinality(String),
    schema_version     Int32                  COMMENT 'The version of the schema the event was written with',
    event_id           UUID                   CODEC(NONE),
    command_id         String                 CODEC(ZSTD),
    correlation_id     String                 CODEC(ZSTD),
    causation_id       String                 CODEC(ZSTD),
    actor              LowCardinality(String),
    source_topic       LowCardinality(String) COMMENT 'Where the command stood that was decided',
    source_incarnation UUID                   CODEC(ZSTD),
    source_partition   Int32,
    source_offset      Int64                  CODEC(Delta, ZSTD),
    command_hash       Int64                  CODEC(NONE),
    valid_at           DateTime64(3, 'UTC')   COMMENT 'When it is true in the world' CODEC(Delta, ZSTD),
    recorded_at        DateTime64(3, 'UTC')   COMMENT 'When it was recorded' CODEC(Delta, ZSTD),
    chain              FixedString(32)        CODEC(NONE),
    payload            String                 COMMENT 'The data as JSON, as it was written' CODEC(ZSTD),
    INDEX aggregate_id aggregate_id TYPE bloom_filter GRANULARITY 1,
    INDEX command_id command_id TYPE bloom_filter GRANULARITY 1
)
ENGINE = {{mergetree}}
ORDER BY (context, partition, offset)
SETTINGS {{settings}};

-- recount:public
CREATE OR REPLACE VIEW {{.Database}}.events AS
SELECT
    context, concat(context, '/', partition, '@', offset) AS position, partition, offset,
    aggregate, aggregate_id, version, event_type, schema_version, event_id,
    command_id, correlation_id, causation_id, actor,
    source_topic, source_incarnation, source_partition, source_offset, command_hash,
    valid_at, recorded_at, lower(hex(e.chain)) AS chain, payload
FROM {{.Database}}.events_g{{.Generation}} AS e
COMMENT 'Every event, its metadata in columns and its data as JSON';
