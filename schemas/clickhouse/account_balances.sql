-- account_balances: every account as its newest version left it.
--
-- The table keeps the newest row of an account once its parts are merged; until then older rows are there too. The view
-- takes the newest of whatever is there. It does not use FINAL, which has to merge every part it reads in the order of
-- the key: here each column is aggregated on its own, in parallel, only those a query asks for, and a condition on
-- account_id reaches the primary key.

-- recount:tables
CREATE TABLE IF NOT EXISTS {{.Database}}.account_balances_g{{.Generation}}
(
    context     LowCardinality(String),
    account_id  String,
    version     UInt64                 CODEC(Delta, ZSTD),
    customer_id String,
    currency    LowCardinality(String) COMMENT 'ISO 4217',
    balance     Int64                  COMMENT 'Minor units' CODEC(T64, ZSTD),
    status      LowCardinality(String) COMMENT 'open, frozen or closed',
    valid_at    DateTime64(3, 'UTC')   CODEC(Delta, ZSTD),
    recorded_at DateTime64(3, 'UTC')   CODEC(Delta, ZSTD),
    partition   Int32,
    offset      Int64                  CODEC(Delta, ZSTD)
)
ENGINE = {{replacing "version"}}
ORDER BY account_id
SETTINGS {{settings}};

-- recount:public
CREATE OR REPLACE VIEW {{.Database}}.account_balances AS
SELECT
    b.account_id                        AS account_id,
    argMax(b.customer_id, b.version)    AS customer_id,
    argMax(b.balance, b.version)        AS balance,
    argMax(b.currency, b.version)       AS currency,
    argMax(b.status, b.version)         AS status,
    max(b.version)                      AS version,
    argMax(b.valid_at, b.version)       AS valid_at,
    argMax(b.recorded_at, b.version)    AS recorded_at,
    argMax(concat(b.context, '/', b.partition, '@', b.offset), b.version) AS position
FROM {{.Database}}.account_balances_g{{.Generation}} AS b
GROUP BY b.account_id
COMMENT 'Every account as its newest version left it; balances in minor units';
