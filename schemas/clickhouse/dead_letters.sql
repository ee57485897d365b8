-- dead_letters: every record that could not be processed, of every context, with its bytes untouched.

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
COMMENT 'Every record that could not be processed, with its bytes untouched';
