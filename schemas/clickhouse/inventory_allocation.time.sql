-- Stock on both axes of time, and whom it is promised to.
--
-- A back-dated entry has a later version than what it precedes, so that what a version left behind is no answer for a
-- moment: changes are added up, wide, and a sum that no Int64 holds fails. What was promised and taken back as of one
-- moment of the world was free at that moment by all that is known today; as known tells what was believed.

-- recount:public
CREATE OR REPLACE VIEW {{.Database}}.inventory_allocation_as_of AS
SELECT
    h.sku                                              AS sku,
    accurateCast(sum(toInt128(h.on_hand)), 'Int64')    AS on_hand,
    accurateCast(sum(toInt128(h.allocated)), 'Int64')  AS allocated,
    on_hand - allocated                                AS free,
    max(h.version)                                     AS version
FROM {{.Database}}.inventory_allocation_g{{.Generation}} AS h
WHERE h.valid_at <= {at:DateTime64(3, 'UTC')}
GROUP BY h.sku
COMMENT 'Every article at a moment, by all that is known today: SELECT * FROM inventory_allocation_as_of(at = ''2026-03-01 00:00:00'')';

-- While something recorded by known may still be missing from this view, there is no answer but an error. It is the
-- subquery that fails, not a condition on rows, so that it fails where no row is read, too.
CREATE OR REPLACE VIEW {{.Database}}.inventory_allocation_as_known AS
SELECT
    h.sku                                              AS sku,
    accurateCast(sum(toInt128(h.on_hand)), 'Int64')    AS on_hand,
    accurateCast(sum(toInt128(h.allocated)), 'Int64')  AS allocated,
    on_hand - allocated                                AS free,
    max(h.version)                                     AS version
FROM {{.Database}}.inventory_allocation_g{{.Generation}} AS h
WHERE h.valid_at <= {valid:DateTime64(3, 'UTC')}
  AND h.recorded_at <=
  (
      SELECT {known:DateTime64(3, 'UTC')}
      WHERE throwIf({known:DateTime64(3, 'UTC')} >
      (
          SELECT min(k.known_until)
          FROM {{.Database}}.known AS k
          WHERE k.view = 'inventory_allocation' AND k.generation = {{.Generation}}
      ), 'this view may lack what was recorded by then: ask for a moment before known_until, which the view known tells') = 0
  )
GROUP BY h.sku
COMMENT 'Every article at a moment, by what had been recorded at another: SELECT * FROM inventory_allocation_as_known(valid = ''2026-03-01 00:00:00'', known = ''2026-03-02 00:00:00'')';

CREATE OR REPLACE VIEW {{.Database}}.open_allocations AS
SELECT
    h.sku                                              AS sku,
    h.order_id                                         AS order_id,
    h.line                                             AS line,
    accurateCast(sum(toInt128(h.allocated)), 'Int64')  AS quantity,
    max(h.recorded_at)                                 AS allocated_at
FROM {{.Database}}.inventory_allocation_g{{.Generation}} AS h
WHERE h.order_id != ''
GROUP BY h.sku, h.order_id, h.line
HAVING quantity != 0
COMMENT 'Every promise that is neither released nor shipped';
