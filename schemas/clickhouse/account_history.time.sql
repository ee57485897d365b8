-- Time has two axes: when something was true in the world (valid_at) and when it was recorded (recorded_at).
--
-- A back-dated entry has a later version than what it precedes, so neither balance_after nor the newest row by any order
-- is the answer for a moment: amounts are added up, and a status is that of the last change in the order of the world,
-- the version deciding between two of the same millisecond. version is the newest one counted in. A sum is taken wide and
-- fails where an Int64 cannot hold it: it never wraps around.
--
-- status_change begins with the moment (23 characters) and the version (20), each followed by a space: the greatest is the
-- last, and what stands behind is the status. Every change of a status is at a place of its own, so no two are equal.
--
-- By itself ClickHouse splits what it groups into 256 tables at a hundred thousand accounts, so that many threads can put
-- them together. Moving every account's state there costs more than it saves until there are many more of them.
--
-- No projection can answer (totals knows no account), and to find that out would take as long as to answer for one
-- account: so it is not asked.

{{define "standing" -}}
SELECT
    h.account_id                                                      AS account_id,
    any(h.customer_id)                                                AS customer_id,
    accurateCast(sum(toInt128(h.amount)), 'Int64')                    AS balance,
    max(h.opened_in)                                                  AS currency,
    substring(max(h.status_change), 46)                               AS status,
    max(h.version)                                                    AS version
FROM {{.Database}}.account_history_g{{.Generation}} AS h
{{- end}}

-- What was true by all that is known today.
{{define "as of" -}}
{{template "standing" .}}
WHERE h.valid_at <= {at:DateTime64(3, 'UTC')}
GROUP BY h.account_id
HAVING max(h.opened_in) != ''
{{- end}}

-- What was believed: only what was recorded by known counts. An entry that is recorded later, for whatever day, changes
-- nothing here. While something recorded by known may still be missing from this view, there is no answer but an error.
-- It is the subquery that fails, not a condition on rows, so that it fails where no row is read, too.
{{define "as known" -}}
{{template "standing" .}}
WHERE h.valid_at <= {valid:DateTime64(3, 'UTC')}
  AND h.recorded_at <=
  (
      SELECT {known:DateTime64(3, 'UTC')}
      WHERE throwIf({known:DateTime64(3, 'UTC')} >
      (
          SELECT min(k.known_until)
          FROM {{.Database}}.known AS k
          WHERE k.view = 'account_history' AND k.generation = {{.Generation}}
      ), 'this view may lack what was recorded by then: ask for a moment before known_until, which the view known tells') = 0
  )
GROUP BY h.account_id
HAVING max(h.opened_in) != ''
{{- end}}

-- recount:public
CREATE OR REPLACE VIEW {{.Database}}.account_as_of AS
{{template "as of" .}}
SETTINGS optimize_use_projections = 0, group_by_two_level_threshold = 1000000, group_by_two_level_threshold_bytes = 1000000000
COMMENT 'Every account that was open at a moment, by all that is known today: SELECT * FROM account_as_of(at = ''2026-03-01 00:00:00'')';

CREATE OR REPLACE VIEW {{.Database}}.account_as_known AS
{{template "as known" .}}
SETTINGS optimize_use_projections = 0, group_by_two_level_threshold = 1000000, group_by_two_level_threshold_bytes = 1000000000
COMMENT 'Every account that was open at a moment, by what had been recorded at another: SELECT * FROM account_as_known(valid = ''2026-03-01 00:00:00'', known = ''2026-03-02 00:00:00'')';

CREATE OR REPLACE VIEW {{.Database}}.bank_as_of AS
SELECT a.account_id AS account_id, a.customer_id AS customer_id, a.currency AS currency, a.balance AS balance, a.status AS status
FROM {{.Database}}.account_as_of(at = {at:DateTime64(3, 'UTC')}) AS a
COMMENT 'The whole book at a moment, by all that is known today: SELECT * FROM bank_as_of(at = ''2026-03-01 00:00:00'')';

CREATE OR REPLACE VIEW {{.Database}}.bank_as_known AS
SELECT a.account_id AS account_id, a.customer_id AS customer_id, a.currency AS currency, a.balance AS balance, a.status AS status
FROM {{.Database}}.account_as_known(valid = {valid:DateTime64(3, 'UTC')}, known = {known:DateTime64(3, 'UTC')}) AS a
COMMENT 'The whole book at a moment, by what had been recorded at another: SELECT * FROM bank_as_known(valid = ''2026-03-01 00:00:00'', known = ''2026-03-02 00:00:00'')';
