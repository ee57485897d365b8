-- dead_letters: every record that could not be processed, of every context, with its bytes untouched.
--
-- Commands that could not be decided come from the topics of dead letters. Events that a view could not map are in the log
-- already and stay there; where they are is told by parked_rows.

-- recount:tables
CREATE TABLE IF NOT EXISTS {{.Database}}.dead_letters_g{{.Generation}}
(
    context            LowCardinality(String),
    partition          Int32,
    offset             Int64                  CODEC(Delta, ZSTD),
    reason             LowCardinality(String) COMMENT 'Stable',
    detail             String                 COMMENT 'For people' CODEC(ZSTD),
    key                String                 CODEC(ZSTD),
    value              String                 COMMENT 'Bytes, not text' CODEC(ZSTD),
    source_topic       LowCardinality(String) COMMENT 'Where the record stood before it was set aside',
    source_incarnation UUID                   CODEC(ZSTD),
    source_partition   Int32,
    source_offset      Int64                  CODEC(Delta, ZSTD),
    appended_at        DateTime64(3, 'UTC')   COMMENT 'The time of the broker' CODEC(Delta, ZSTD)
)
ENGINE = {{mergetree}}
ORDER BY (context, partition, offset)
SETTINGS {{settings}};

-- recount:public
CREATE OR REPLACE VIEW {{.Database}}.dead_letters AS
SELECT
    context, concat(context, '/', partition, '@', offset) AS position, partition, offset,
    reason, detail, key, value,
    source_topic, source_incarnation, source_partition, source_offset, appended_at
FROM {{.Database}}.dead_letters_g{{.Generation}} AS d
UNION ALL
SELECT
    p.context, p.position, p.partition, p.offset,
    'unmappable', concat('view ', p.view, ', generation ', toString(p.generation), ', ', p.state, ': ', p.cause), p.key, p.value,
    concat(p.context, '.', p.stream), toUUID('00000000-0000-0000-0000-000000000000'), p.partition, p.offset, p.recorded_at
FROM {{.Database}}.parked AS p
WHERE p.cause != ''
COMMENT 'Every record that could not be processed, with its bytes untouched';
