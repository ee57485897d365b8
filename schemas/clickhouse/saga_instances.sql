-- saga_instances: one row for every event of every saga's instance, of every context.
--
-- Sorted by instance: where one stands is one short range.

-- recount:tables
CREATE TABLE IF NOT EXISTS {{.Database}}.saga_instances_g{{.Generation}}
(
    context        LowCardinality(String),
    saga           LowCardinality(String),
    instance_id    String,
    version        UInt64                 COMMENT 'Position in the instance: 1, 2, 3 …' CODEC(Delta, LZ4),
    valid_at       DateTime64(3, 'UTC')   CODEC(Delta, ZSTD),
    recorded_at    DateTime64(3, 'UTC')   CODEC(Delta, ZSTD),
    partition      Int32,
    offset         Int64                  CODEC(Delta, ZSTD),
    event_type     LowCardinality(String),
    correlation_id String                 CODEC(ZSTD),
    actor          String                 CODEC(ZSTD),
    state          LowCardinality(String) COMMENT 'What the instance came to with this version; empty where it stayed what it was',
    step           LowCardinality(String),
    leg            Int32                  COMMENT 'Which of the step''s commands, from 0; -1: the step had nothing to do',
    leg_state      LowCardinality(String) COMMENT 'What that command came to; empty where the version is about none',
    attempt        Int32                  COMMENT 'The number it was sent under, or of its failure',
    target         String                 COMMENT 'Whom it was sent to: type and ID' CODEC(ZSTD),
    due            DateTime64(3, 'UTC')   COMMENT 'When what is waited for is due; 1970: nothing is' CODEC(Delta, ZSTD),
    timer          LowCardinality(String),
    code           LowCardinality(String) COMMENT 'Why: of a refusal, a failure or of giving up',
    detail         String                 COMMENT 'For people' CODEC(ZSTD)
)
ENGINE = {{mergetree}}
ORDER BY (instance_id, context, saga, version)
SETTINGS {{settings}};

-- recount:public
CREATE OR REPLACE VIEW {{.Database}}.saga_history AS
SELECT
    context, saga, instance_id, version, event_type, state, step, leg, leg_state, attempt, target, due, timer, code, detail,
    valid_at, recorded_at, correlation_id, actor, concat(context, '/', partition, '@', offset) AS position
FROM {{.Database}}.saga_instances_g{{.Generation}} AS h
COMMENT 'Every event of every instance of a saga; positions are those of <context>.processes';

-- A stuck one is what it was before, until it is told to try again: that is why being stuck is asked apart. Versions are
-- put in order as arrays, so that a condition on the instance reaches the primary key; of each command the newest state counts.
-- What waited to be tried again is no longer wanted once everything is taken back.
CREATE OR REPLACE VIEW {{.Database}}.saga_instances AS
SELECT
    s.context                                       AS context,
    s.saga                                          AS saga,
    s.instance_id                                   AS instance_id,
    multiIf(s.is_stuck AND s.phase = 'compensating', 'stuck-compensating', s.is_stuck, 'stuck', s.phase) AS state,
    s.phase IN ('completed', 'compensated')         AS ended,
    s.is_stuck                                      AS stuck,
    if(ended, '', arrayStringConcat(arrayDistinct(arrayMap(
        l -> concat(l.2, if(startsWith(l.4, 'undo'), ' (undo)', '')),
        arrayFilter(
            l -> l.4 IN ('sent', 'accepted', 'stuck', 'undo-sent', 'undo-waiting', 'undo-stuck') OR l.4 = 'waiting' AND l.1 > s.turned,
            arrayFilter(l -> NOT arrayExists(m -> m.2 = l.2 AND m.3 = l.3 AND m.1 > l.1, s.legs), s.legs)))), ', ')) AS step,
    s.last.1                                        AS code,
    s.last.2                                        AS detail,
    s.last.3                                        AS failed_step,
    s.started_at                                    AS started_at,
    s.changed_at                                    AS changed_at,
    dateDiff('millisecond', s.started_at, if(ended, s.changed_at, now64(3, 'UTC'))) / 1000 AS age_seconds,
    s.newest                                        AS version,
    s.correlation                                   AS correlation_id
FROM
(
    SELECT
        h.context AS context, h.saga AS saga, h.instance_id AS instance_id,
        argMaxIf(h.state, h.version, h.state NOT IN ('', 'stuck')) AS phase,
        argMaxIf(h.event_type, h.version, h.event_type IN ('Stuck', 'Retried')) = 'Stuck' AS is_stuck,
        arraySort(groupArrayIf((h.version, h.step, h.leg, h.leg_state), h.leg_state != '')) AS legs,
        argMaxIf((h.code, h.detail, h.step), h.version, h.event_type IN ('StepRefused', 'StepFailed', 'StopRequested')) AS last,
        maxIf(h.version, h.event_type = 'CompensationStarted') AS turned,
        min(h.recorded_at) AS started_at, max(h.recorded_at) AS changed_at, max(h.version) AS newest,
        any(h.correlation_id) AS correlation
    FROM {{.Database}}.saga_instances_g{{.Generation}} AS h
    GROUP BY h.context, h.saga, h.instance_id
) AS s
COMMENT 'Every instance of a saga: where it stands, what is under way, how old it is, and what went wrong last';
