-- order_history: one row for every version of every order. The files order_history.*.sql answer from it.
--
-- Sorted by order and version: what one order went through is one short range.

-- recount:tables
CREATE TABLE IF NOT EXISTS {{.Database}}.order_history_g{{.Generation}}
(
    context        LowCardinality(String),
    order_id       String,
    version        UInt64                 COMMENT 'Position in the order: 1, 2, 3 …' CODEC(Delta, LZ4),
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
    status         LowCardinality(String) COMMENT 'placed, allocated, paid, shipping, shipped, delivered, returned or cancelled',
    reason         String                 COMMENT 'Why it was cancelled, given back by shipping, or returned' CODEC(ZSTD),
    currency       LowCardinality(String) COMMENT 'ISO 4217',
    total          Int64                  COMMENT 'What the order costs, taxes included, in minor units' CODEC(T64, ZSTD),
    refund         Int64                  COMMENT 'What is owed for what came back with this version, in minor units' CODEC(T64, ZSTD)
)
ENGINE = {{mergetree}}
ORDER BY (order_id, version)
SETTINGS {{settings}};

-- recount:public
CREATE OR REPLACE VIEW {{.Database}}.order_history AS
SELECT
    order_id, version, status, valid_at, recorded_at,
    concat(context, '/', partition, '@', offset) AS position, partition, offset,
    event_type, event_id, command_id, correlation_id, actor, customer_id, reason, currency, total, refund
FROM {{.Database}}.order_history_g{{.Generation}} AS h
COMMENT 'Every version of every order: the state it brought, when that was true, when it was recorded';
