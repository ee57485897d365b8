-- refusals: every command that left no event, of every context: refused, unchanged or failed.
--
-- Sorted by place in the log, like events; the index finds the outcome of one command.

-- recount:tables
CREATE TABLE IF NOT EXISTS {{.Database}}.refusals_g{{.Generation}}
(
    context            LowCardinality(String),
    partition          Int32,
    offset             Int64                  CODEC(Delta, ZSTD),
    aggregate          LowCardinality(String) COMMENT 'The type of the aggregate',
    aggregate_id       String                 CODEC(ZSTD),
    version            UInt64                 COMMENT 'The version the command was decided at' CODEC(T64, ZSTD),
    command            LowCardinality(String) COMMENT 'Wire name, such as bank.account.withdraw',
    outcome            LowCardinality(String) COMMENT 'refused, unchanged or failed',
    code               LowCardinality(String) COMMENT 'Stable; empty for unchanged',
    detail             String                 COMMENT 'For people' CODEC(ZSTD),
    command_id         String                 CODEC(ZSTD),
    correlation_id     String                 CODEC(ZSTD),
    causation_id       String                 CODEC(ZSTD),
    actor              LowCardinality(String),
    source_topic       LowCardinality(String) COMMENT 'Where the command stood that was decided',
    source_incarnation UUID                   CODEC(ZSTD),
    source_partition   Int32,
    source_offset      Int64                  CODEC(Delta, ZSTD),
    command_hash       Int64                  CODEC(NONE),
    valid_at           DateTime64(3, 'UTC')   CODEC(Delta, ZSTD),
    recorded_at        DateTime64(3, 'UTC')   CODEC(Delta, ZSTD),
    INDEX aggregate_id aggregate_id TYPE bloom_filter GRANULARITY 1,
    INDEX command_id command_id TYPE bloom_filter GRANULARITY 1
)
ENGINE = {{mergetree}}
ORDER BY (context, partition, offset)
SETTINGS {{settings}};

-- recount:public
CREATE OR REPLACE VIEW {{.Database}}.refusals AS
SELECT
    context, concat(context, '/', partition, '@', offset) AS position, partition, offset,
    aggregate, aggregate_id, version, command, outcome, code, detail,
    command_id, correlation_id, causation_id, actor,
    source_topic, source_incarnation, source_partition, source_offset, command_hash,
    valid_at, recorded_at
FROM {{.Database}}.refusals_g{{.Generation}} AS r
COMMENT 'Every command that left no event, and why';
