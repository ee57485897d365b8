-- What the shop earned, by day and by month of valid_at in UTC. Sums are wider than any Int64, so that none wraps around.
--
--   revenue   what came in, taxes included
--   refunds   how often something went back, less how often it did not arrive: an account of the bank did not take it
--   refunded  what went back, taxes included, less what did not arrive
--   taxes     what of revenue is tax, less what of refunded is
--   earned    revenue less refunded less taxes

-- recount:public
CREATE OR REPLACE VIEW {{.Database}}.financial_report AS
SELECT
    d.day                                                 AS day,
    d.currency                                            AS currency,
    sumIf(d.entries, d.event_type = 'PaymentReceived')    AS payments,
    sumIf(d.entries, d.event_type = 'PaymentRefunded')
        - sumIf(d.entries, d.event_type = 'RefundReversed')                    AS refunds,
    sumIf(d.amount, d.event_type = 'PaymentReceived')                          AS revenue,
    -sumIf(d.amount, d.event_type IN ('PaymentRefunded', 'RefundReversed'))    AS refunded,
    sum(d.tax)                                            AS taxes,
    revenue - refunded - taxes                            AS earned
FROM
(
    SELECT
        toDate32(f.valid_at)    AS day,
        f.currency              AS currency,
        f.event_type            AS event_type,
        count()                 AS entries,
        sum(toInt128(f.amount)) AS amount,
        sum(toInt128(f.tax))    AS tax
    FROM {{.Database}}.financial_report_g{{.Generation}} AS f
    GROUP BY day, currency, event_type
) AS d
GROUP BY d.day, d.currency
COMMENT 'Revenue, refunds and taxes by day and currency, in minor units; added up by every insert';

CREATE OR REPLACE VIEW {{.Database}}.financial_report_monthly AS
SELECT
    makeDate32(toYear(r.day), toMonth(r.day), 1) AS month,
    r.currency      AS currency,
    sum(r.payments) AS payments,
    sum(r.refunds)  AS refunds,
    sum(r.revenue)  AS revenue,
    sum(r.refunded) AS refunded,
    sum(r.taxes)    AS taxes,
    sum(r.earned)   AS earned
FROM {{.Database}}.financial_report AS r
GROUP BY month, currency
COMMENT 'Revenue, refunds and taxes by month and currency, in minor units';
