-- financial_report: one row for every movement of money. The file financial_report.sums.sql adds it up.
--
-- Totals are a projection, inside the part whose rows they add up: they are there when the rows are, once, whatever is
-- inserted again (account_history says why no materialized view can promise that).

-- recount:tables
CREATE TABLE IF NOT EXISTS {{.Database}}.financial_report_g{{.Generation}}
(
    context     LowCardinality(String),
    payment_id  String,
    version     UInt64                 COMMENT 'Position in the payment' CODEC(Delta, LZ4),
    valid_at    DateTime64(3, 'UTC')   COMMENT 'When it is true in the world' CODEC(Delta, LZ4),
    recorded_at DateTime64(3, 'UTC')   COMMENT 'When it was recorded' CODEC(Delta, LZ4),
    partition   Int32,
    offset      Int64                  COMMENT 'Place of the event in its partition' CODEC(Delta, ZSTD),
    event_type  LowCardinality(String) COMMENT 'PaymentReceived, PaymentRefunded or RefundReversed',
    event_id    UUID                   CODEC(NONE),
    command_id  String                 CODEC(ZSTD),
    order_id    String,
    customer_id String,
    refund_id   String                 COMMENT 'Tells a refund from the payment''s others; empty for what came in' CODEC(ZSTD),
    currency    LowCardinality(String) COMMENT 'ISO 4217',
    amount      Int64                  COMMENT 'Taxes included, in minor units; what went back is negative' CODEC(T64, LZ4),
    tax         Int64                  COMMENT 'What of amount is tax, with its sign' CODEC(T64, LZ4),
    PROJECTION totals
    (
        SELECT toDate32(valid_at), currency, event_type, count(), sum(toInt128(amount)), sum(toInt128(tax))
        GROUP BY toDate32(valid_at), currency, event_type
    )
)
ENGINE = {{mergetree}}
ORDER BY (payment_id, version)
SETTINGS {{settings}}, lightweight_mutation_projection_mode = 'rebuild';

-- recount:public
CREATE OR REPLACE VIEW {{.Database}}.financial_entries AS
SELECT
    payment_id, version, valid_at, recorded_at,
    concat(context, '/', partition, '@', offset) AS position, partition, offset,
    event_type, event_id, command_id, order_id, customer_id, refund_id, currency, amount, tax
FROM {{.Database}}.financial_report_g{{.Generation}} AS f
COMMENT 'Every movement of money: what came in for an order, what went back, and what did not arrive there';
