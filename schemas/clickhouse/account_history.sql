-- account_history: one row for every version of every account. The files account_history.*.sql answer from it.
--
-- Sorted by account and version: the statement of one account, and every sum over one account, read one short range. A
-- sum over the whole book reads all of a few columns: those are packed with LZ4, which unpacks several times faster than
-- ZSTD.
--
-- Few rows open an account or change its status, and a question about all would unpack and compare every row to find
-- them. So what they say stands in columns of its own, made of the others at the insert and empty in other rows: ClickHouse
-- keeps only what is not empty (a sparse column), and max passes over the rest. They are plain strings, because a
-- LowCardinality cannot be sparse and is unpacked before it is aggregated.
--
-- A mark every 1024 rows: what is asked most is one account, which in every part costs the reading and unpacking of what
-- lies between two marks, in eight columns.
--
-- Totals are a projection, and no materialized view. Both are kept up to date by every insert, as the states of an
-- AggregatingMergeTree; but a materialized view's rows are a part of their own. A ClickHouse that is killed between the
-- two parts, or that knows a token and lost the rows, leaves one without the other, and since sums forget what they are
-- made of, nothing can tell which rows are missing. A projection is inside the part whose rows it adds up: it is there
-- when they are, once, whatever is inserted again.

-- recount:tables
CREATE TABLE IF NOT EXISTS {{.Database}}.account_history_g{{.Generation}}
(
    context        LowCardinality(String),
    account_id     String,
    version        UInt64                 COMMENT 'Position in the account: 1, 2, 3 …' CODEC(Delta, LZ4),
    valid_at       DateTime64(3, 'UTC')   COMMENT 'When it is true in the world' CODEC(Delta, LZ4),
    recorded_at    DateTime64(3, 'UTC')   COMMENT 'When it was recorded' CODEC(Delta, LZ4),
    partition      Int32,
    offset         Int64                  COMMENT 'Place of the event in its partition' CODEC(Delta, ZSTD),
    event_type     LowCardinality(String),
    event_id       UUID                   CODEC(NONE),
    command_id     String                 CODEC(ZSTD),
    correlation_id String                 CODEC(ZSTD),
    actor          LowCardinality(String),
    customer_id    String,
    amount         Int64                  COMMENT 'What the version added to the balance, signed, in minor units' CODEC(T64, LZ4),
    currency       LowCardinality(String) COMMENT 'ISO 4217',
    status         LowCardinality(String) COMMENT 'The status the version brought; empty where it changed none',
    reference      String                 CODEC(ZSTD),
    channel        LowCardinality(String) COMMENT 'Empty where nobody told; unrecorded before channels were recorded',
    balance_after  Int64                  COMMENT 'A fact of the version, never the answer for a moment in time' CODEC(T64, ZSTD),
    status_after   LowCardinality(String) COMMENT 'A fact of the version, never the answer for a moment in time',
    opened_in      String MATERIALIZED if(event_type = 'AccountOpened', currency, '') COMMENT 'Its currency, where the version opened the account',
    status_change  String MATERIALIZED if(status = '', '', concat(toString(valid_at), ' ', leftPad(toString(version), 20, '0'), ' ', status))
        COMMENT 'When in the world, by which version, to what: as text it sorts in the order of the world. Empty where the version changed none',
    PROJECTION totals
    (
        SELECT toDate32(valid_at), currency, event_type, count(), sum(toInt128(amount))
        GROUP BY toDate32(valid_at), currency, event_type
    )
)
ENGINE = {{mergetree}}
ORDER BY (account_id, version)
SETTINGS {{settings}}, lightweight_mutation_projection_mode = 'rebuild', index_granularity = 1024;

-- recount:public
CREATE OR REPLACE VIEW {{.Database}}.account_history AS
SELECT
    account_id, version, valid_at, recorded_at,
    concat(context, '/', partition, '@', offset) AS position, partition, offset,
    event_type, event_id, command_id, correlation_id, actor, customer_id,
    amount, currency, status, reference, channel, balance_after, status_after
FROM {{.Database}}.account_history_g{{.Generation}} AS h
COMMENT 'Every version of every account: what it changed, when it was true, when it was recorded';
