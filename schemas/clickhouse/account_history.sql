-- account_history: one row for every version of every account, and account_as_of, which answers from it.
--
-- Sorted by account and version: the statement of one account, and every sum over one account, read one short range.

-- recount:tables
CREATE TABLE IF NOT EXISTS {{.Database}}.account_history_g{{.Generation}}
(
    context        LowCardinality(String),
    account_id     String,
    version        UInt64                 COMMENT 'Position in the account: 1, 2, 3 …' CODEC(Delta, ZSTD),
    valid_at       DateTime64(3, 'UTC')   COMMENT 'When it is true in the world' CODEC(Delta, ZSTD),
    recorded_at    DateTime64(3, 'UTC')   COMMENT 'When it was recorded' CODEC(Delta, ZSTD),
    partition      Int32,
    offset         Int64                  COMMENT 'Place of the event in its partition' CODEC(Delta, ZSTD),
    event_type     LowCardinality(String),
    event_id       UUID                   CODEC(NONE),
    command_id     String                 CODEC(ZSTD),
    correlation_id String                 CODEC(ZSTD),
    actor          LowCardinality(String),
    customer_id    String,
    amount         Int64                  COMMENT 'What the version added to the balance, signed, in minor units' CODEC(T64, ZSTD),
    currency       LowCardinality(String) COMMENT 'ISO 4217',
    status         LowCardinality(String) COMMENT 'The status the version brought; empty where it changed none',
    reference      String                 CODEC(ZSTD),
    channel        LowCardinality(String) COMMENT 'Empty where nobody told; unrecorded before channels were recorded',
    balance_after  Int64                  COMMENT 'A fact of the version, never the answer for a moment in time' CODEC(T64, ZSTD),
    status_after   LowCardinality(String) COMMENT 'A fact of the version, never the answer for a moment in time'
)
ENGINE = {{mergetree}}
ORDER BY (account_id, version)
SETTINGS {{settings}};

-- recount:public
CREATE OR REPLACE VIEW {{.Database}}.account_history AS
SELECT
    account_id, version, valid_at, recorded_at,
    concat(context, '/', partition, '@', offset) AS position, partition, offset,
    event_type, event_id, command_id, correlation_id, actor, customer_id,
    amount, currency, status, reference, channel, balance_after, status_after
FROM {{.Database}}.account_history_g{{.Generation}} AS h
COMMENT 'Every version of every account: what it changed, when it was true, when it was recorded';

-- What was true at a moment, by all that is known today. A back-dated entry has a later version than what it precedes,
-- so neither balance_after nor the newest row by recorded_at is the answer: amounts are added up, and a status is that
-- of the last change in the order of the world, the version deciding between two of the same millisecond. version is
-- the newest one counted in. The sum is taken wide and fails where an Int64 cannot hold it: it never wraps around.
CREATE OR REPLACE VIEW {{.Database}}.account_as_of AS
SELECT
    h.account_id                                                      AS account_id,
    any(h.customer_id)                                                AS customer_id,
    accurateCast(sum(toInt128(h.amount)), 'Int64')                    AS balance,
    any(h.currency)                                                   AS currency,
    argMaxIf(h.status, (h.valid_at, h.version), h.status != '')       AS status,
    max(h.version)                                                    AS version
FROM {{.Database}}.account_history_g{{.Generation}} AS h
WHERE h.valid_at <= {at:DateTime64(3, 'UTC')}
GROUP BY h.account_id
HAVING countIf(h.event_type = 'AccountOpened') > 0
COMMENT 'Every account that was open at a moment: SELECT * FROM account_as_of(at = ''2026-03-01 00:00:00'')';
