-- One account after the other, its entries in the order of the world: with the balance after each, and as intervals.
--
-- Entries are put in order as arrays and not by a window function: a condition on account_id passes a grouping and
-- reaches the primary key, and would stop at a window.

-- recount:public
CREATE OR REPLACE VIEW {{.Database}}.account_statement AS
SELECT
    s.account_id                    AS account_id,
    line                            AS line,
    e.1                             AS valid_at,
    e.2                             AS version,
    e.3                             AS recorded_at,
    e.4                             AS event_type,
    e.5                             AS reference,
    e.6                             AS channel,
    e.7                             AS amount,
    s.currency                      AS currency,
    accurateCast(total, 'Int64')    AS balance
FROM
(
    SELECT
        h.account_id AS account_id,
        any(h.currency) AS currency,
        arraySort(groupArray((h.valid_at, h.version, h.recorded_at, h.event_type, h.reference, h.channel, h.amount))) AS entries,
        arrayCumSum(arrayMap(e -> toInt128(e.7), entries)) AS totals
    FROM {{.Database}}.account_history_g{{.Generation}} AS h
    GROUP BY h.account_id
) AS s
ARRAY JOIN s.entries AS e, s.totals AS total, arrayEnumerate(s.entries) AS line
COMMENT 'Every entry of every account in the order of the world, with the balance after it by all that is known today';

-- An interval includes its begin and not its end. The last one ends at the end of time. What was overtaken within its own
-- millisecond was never true, and has no interval.
CREATE OR REPLACE VIEW {{.Database}}.account_intervals AS
SELECT
    s.account_id                    AS account_id,
    s.customer_id                   AS customer_id,
    s.currency                      AS currency,
    valid_from                      AS valid_from,
    valid_to                        AS valid_to,
    accurateCast(total, 'Int64')    AS balance,
    status                          AS status
FROM
(
    SELECT
        h.account_id AS account_id,
        any(h.customer_id) AS customer_id,
        any(h.currency) AS currency,
        arraySort(groupArray((h.valid_at, h.version, h.amount, h.status, h.event_type = 'AccountOpened'))) AS entries,
        arrayMap(e -> e.1, entries) AS begins,
        arrayPushBack(arrayPopFront(begins), toDateTime64('2299-12-31 23:59:59.999', 3, 'UTC')) AS ends,
        arrayCumSum(arrayMap(e -> toInt128(e.3), entries)) AS totals,
        arrayFill(s -> s != '', arrayMap(e -> e.4, entries)) AS statuses,
        arrayCumSum(arrayMap(e -> e.5, entries)) AS openings
    FROM {{.Database}}.account_history_g{{.Generation}} AS h
    GROUP BY h.account_id
) AS s
ARRAY JOIN s.begins AS valid_from, s.ends AS valid_to, s.totals AS total, s.statuses AS status, s.openings AS opened
WHERE valid_from < valid_to AND opened > 0
COMMENT 'What held from when to when, for every account: valid_from <= moment AND moment < valid_to';
