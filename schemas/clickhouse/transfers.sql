-- transfers: one row for every version of every transfer, of which there are two. The view tells both as one line.

-- recount:tables
CREATE TABLE IF NOT EXISTS {{.Database}}.transfers_g{{.Generation}}
(
    context        LowCardinality(String),
    transfer_id    String,
    version        UInt64                 CODEC(Delta, LZ4),
    valid_at       DateTime64(3, 'UTC')   COMMENT 'When its entries are true in the world' CODEC(Delta, LZ4),
    recorded_at    DateTime64(3, 'UTC')   COMMENT 'When the version was recorded' CODEC(Delta, LZ4),
    partition      Int32,
    offset         Int64                  CODEC(Delta, ZSTD),
    correlation_id String                 CODEC(ZSTD),
    status         LowCardinality(String) COMMENT 'requested, completed or failed',
    from_account   String                 CODEC(ZSTD),
    to_account     String                 CODEC(ZSTD),
    amount         Int64                  COMMENT 'Minor units' CODEC(T64, ZSTD),
    currency       LowCardinality(String) COMMENT 'ISO 4217',
    reference      String                 CODEC(ZSTD),
    code           LowCardinality(String) COMMENT 'Why it failed; empty where it did not',
    step           LowCardinality(String) COMMENT 'What of its saga was refused, if anything was'
)
ENGINE = {{mergetree}}
ORDER BY (transfer_id, version)
SETTINGS {{settings}};

-- recount:public
-- How long one took is told by when it was recorded: all of its versions are true when its request is. One that is under
-- way ends at the end of time.
CREATE OR REPLACE VIEW {{.Database}}.transfers AS
SELECT
    t.transfer_id                          AS transfer_id,
    argMax(t.status, t.version)            AS status,
    any(t.from_account)                    AS from_account,
    any(t.to_account)                      AS to_account,
    any(t.amount)                          AS amount,
    any(t.currency)                        AS currency,
    any(t.reference)                       AS reference,
    argMax(t.code, t.version)              AS code,
    argMax(t.step, t.version)              AS step,
    max(t.version)                         AS version,
    any(t.valid_at)                        AS valid_at,
    min(t.recorded_at)                     AS requested_at,
    if(status = 'requested', toDateTime64('2299-12-31 23:59:59.999', 3, 'UTC'), max(t.recorded_at)) AS ended_at,
    any(t.correlation_id)                  AS correlation_id,
    argMax(concat(t.context, '/', t.partition, '@', t.offset), t.version) AS position
FROM {{.Database}}.transfers_g{{.Generation}} AS t
GROUP BY t.transfer_id
COMMENT 'Every transfer: what was asked for and what came of it; amounts in minor units';
