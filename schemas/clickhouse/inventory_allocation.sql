-- inventory_allocation: one row for every version of every article. The files inventory_allocation.*.sql answer from it.
--
-- Sorted by article and version: a sum over one article reads one short range.

-- recount:tables
CREATE TABLE IF NOT EXISTS {{.Database}}.inventory_allocation_g{{.Generation}}
(
    context         LowCardinality(String),
    sku             String,
    version         UInt64                 COMMENT 'Position in the article: 1, 2, 3 …' CODEC(Delta, LZ4),
    valid_at        DateTime64(3, 'UTC')   COMMENT 'When it is true in the world' CODEC(Delta, LZ4),
    recorded_at     DateTime64(3, 'UTC')   COMMENT 'When it was recorded' CODEC(Delta, LZ4),
    partition       Int32,
    offset          Int64                  COMMENT 'Place of the event in its partition' CODEC(Delta, ZSTD),
    event_type      LowCardinality(String),
    event_id        UUID                   CODEC(NONE),
    command_id      String                 CODEC(ZSTD),
    actor           LowCardinality(String),
    order_id        String                 COMMENT 'Whom it is promised to; empty where the version is about no promise',
    line            Int32                  COMMENT 'The line of the order, from 1; 0 where the version is about no promise',
    on_hand         Int64                  COMMENT 'What the version added to what there is, signed' CODEC(T64, LZ4),
    allocated       Int64                  COMMENT 'What the version added to what is promised, signed' CODEC(T64, LZ4),
    reference       String                 CODEC(ZSTD),
    on_hand_after   Int64                  COMMENT 'A fact of the version, never the answer for a moment in time' CODEC(T64, ZSTD),
    allocated_after Int64                  COMMENT 'A fact of the version, never the answer for a moment in time' CODEC(T64, ZSTD)
)
ENGINE = {{mergetree}}
ORDER BY (sku, version)
SETTINGS {{settings}};

-- recount:public
CREATE OR REPLACE VIEW {{.Database}}.inventory_history AS
SELECT
    sku, version, valid_at, recorded_at,
    concat(context, '/', partition, '@', offset) AS position, partition, offset,
    event_type, event_id, command_id, actor, order_id, line, on_hand, allocated, reference, on_hand_after, allocated_after
FROM {{.Database}}.inventory_allocation_g{{.Generation}} AS h
COMMENT 'Every version of every article: what it changed, when it was true, when it was recorded';

CREATE OR REPLACE VIEW {{.Database}}.inventory_allocation AS
SELECT
    h.sku                                AS sku,
    argMax(h.on_hand_after, h.version)   AS on_hand,
    argMax(h.allocated_after, h.version) AS allocated,
    on_hand - allocated                  AS free,
    max(h.version)                       AS version,
    argMax(h.valid_at, h.version)        AS valid_at,
    argMax(h.recorded_at, h.version)     AS recorded_at,
    argMax(concat(h.context, '/', h.partition, '@', h.offset), h.version) AS position
FROM {{.Database}}.inventory_allocation_g{{.Generation}} AS h
GROUP BY h.sku
COMMENT 'Every article as its newest version left it: what there is, what is promised, what is free';
