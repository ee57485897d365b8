-- Reports: totals by day and month, who moved most, who moved nothing.
--
-- A day and a month are those of valid_at in UTC. Totals are wider than any Int64, so that no sum wraps around.

-- recount:public
CREATE OR REPLACE VIEW {{.Database}}.account_totals_daily AS
SELECT
    toDate32(h.valid_at)      AS day,
    h.currency                AS currency,
    h.event_type              AS event_type,
    count()                   AS events,
    sum(toInt128(h.amount))   AS amount
FROM {{.Database}}.account_history_g{{.Generation}} AS h
GROUP BY day, currency, event_type
COMMENT 'Events and what they added to balances, by day, currency and type; added up by every insert';

CREATE OR REPLACE VIEW {{.Database}}.account_totals_monthly AS
SELECT
    makeDate32(toYear(d.day), toMonth(d.day), 1) AS month,
    d.currency                AS currency,
    d.event_type              AS event_type,
    sum(d.events)             AS events,
    sum(d.amount)             AS amount
FROM {{.Database}}.account_totals_daily AS d
GROUP BY month, currency, event_type
COMMENT 'Events and what they added to balances, by month, currency and type';

CREATE OR REPLACE VIEW {{.Database}}.top_movers AS
SELECT
    row_number() OVER (PARTITION BY m.currency ORDER BY m.turnover DESC, m.account_id) AS place,
    m.account_id AS account_id, m.customer_id AS customer_id, m.currency AS currency, m.movements AS movements,
    m.deposited AS deposited, m.withdrawn AS withdrawn, m.turnover AS turnover
FROM
(
    SELECT
        h.account_id                              AS account_id,
        any(h.customer_id)                        AS customer_id,
        h.currency                                AS currency,
        count()                                   AS movements,
        sumIf(toInt128(h.amount), h.amount > 0)   AS deposited,
        -sumIf(toInt128(h.amount), h.amount < 0)  AS withdrawn,
        deposited + withdrawn                     AS turnover
    FROM {{.Database}}.account_history_g{{.Generation}} AS h
    WHERE h.amount != 0 AND h.valid_at >= {since:DateTime64(3, 'UTC')} AND h.valid_at < {until:DateTime64(3, 'UTC')}
    GROUP BY h.account_id, h.currency
) AS m
COMMENT 'Accounts by turnover in a time, a ranking a currency: SELECT * FROM top_movers(since = ''2026-03-01 00:00:00'', until = ''2026-04-01 00:00:00'') WHERE place <= 10';

-- last_moved of an account that never moved is when it was opened.
CREATE OR REPLACE VIEW {{.Database}}.dormant_accounts AS
SELECT
    h.account_id                                                      AS account_id,
    any(h.customer_id)                                                AS customer_id,
    any(h.currency)                                                   AS currency,
    accurateCast(sum(toInt128(h.amount)), 'Int64')                    AS balance,
    argMaxIf(h.status, (h.valid_at, h.version), h.status != '')       AS status,
    maxIf(h.valid_at, h.amount != 0 OR h.event_type = 'AccountOpened') AS last_moved
FROM {{.Database}}.account_history_g{{.Generation}} AS h
WHERE h.valid_at <= {at:DateTime64(3, 'UTC')}
GROUP BY h.account_id
HAVING countIf(h.event_type = 'AccountOpened') > 0 AND status != 'closed' AND last_moved < {since:DateTime64(3, 'UTC')}
COMMENT 'Accounts that were not closed at a moment and had not moved since another: SELECT * FROM dormant_accounts(at = ''2026-04-01 00:00:00'', since = ''2026-03-01 00:00:00'')';
