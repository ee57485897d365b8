-- How far orders are, how far they were, and for how long they stood where.

-- recount:public
CREATE OR REPLACE VIEW {{.Database}}.orders AS
SELECT
    h.order_id                                              AS order_id,
    argMax(h.customer_id, h.version)                        AS customer_id,
    argMax(h.status, h.version)                             AS status,
    argMax(h.reason, h.version)                             AS reason,
    argMax(h.currency, h.version)                           AS currency,
    argMax(h.total, h.version)                              AS total,
    accurateCast(sum(toInt128(h.refund)), 'Int64')          AS returned,
    max(h.version)                                          AS version,
    min(h.recorded_at)                                      AS placed_at,
    max(h.recorded_at)                                      AS changed_at,
    argMax(concat(h.context, '/', h.partition, '@', h.offset), h.version) AS position
FROM {{.Database}}.order_history_g{{.Generation}} AS h
GROUP BY h.order_id
COMMENT 'Every order as its newest version left it; returned is what is owed for what came back';

CREATE OR REPLACE VIEW {{.Database}}.order_as_of AS
SELECT
    h.order_id                                              AS order_id,
    any(h.customer_id)                                      AS customer_id,
    argMax(h.status, (h.valid_at, h.version))               AS status,
    any(h.currency)                                         AS currency,
    any(h.total)                                            AS total,
    max(h.version)                                          AS version
FROM {{.Database}}.order_history_g{{.Generation}} AS h
WHERE h.valid_at <= {at:DateTime64(3, 'UTC')}
GROUP BY h.order_id
HAVING countIf(h.event_type = 'OrderCreated') > 0
COMMENT 'Every order that was placed by a moment, and how far it was, by all that is known today: SELECT * FROM order_as_of(at = ''2026-03-01 00:00:00'')';

-- How long an order stood somewhere is told by when it was recorded, and in the order of its versions: what a fulfilment
-- does is true from when the order is, and says nothing of how long it took. Versions that leave the status as it was (some
-- of the goods came back) are of the state before. An order stands where it came to last until the end of time.
-- Versions are put in order as arrays and not by a window function, so that a condition on order_id reaches the primary key.
CREATE OR REPLACE VIEW {{.Database}}.order_states AS
SELECT
    s.order_id                                  AS order_id,
    s.customer_id                               AS customer_id,
    step                                        AS step,
    entry.3                                     AS status,
    entry.2                                     AS entered_at,
    left_at                                     AS left_at,
    dateDiff('millisecond', entered_at, left_at) / 1000 AS seconds,
    left_at = toDateTime64('2299-12-31 23:59:59.999', 3, 'UTC') AS is_last
FROM
(
    SELECT
        h.order_id AS order_id,
        any(h.customer_id) AS customer_id,
        arraySort(groupArray((h.version, h.recorded_at, h.status))) AS versions,
        arrayFilter((v, i) -> i = 1 OR v.3 != versions[i - 1].3, versions, arrayEnumerate(versions)) AS entries,
        arrayPushBack(arrayPopFront(arrayMap(e -> e.2, entries)), toDateTime64('2299-12-31 23:59:59.999', 3, 'UTC')) AS ends
    FROM {{.Database}}.order_history_g{{.Generation}} AS h
    GROUP BY h.order_id
) AS s
ARRAY JOIN s.entries AS entry, s.ends AS left_at, arrayEnumerate(s.entries) AS step
COMMENT 'Every state that every order went through: when it came to it, when it left it, and how long that was';
