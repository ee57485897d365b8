-- What became of transfers, and what was refused of those that failed.
SELECT status, code, step, currency, count() AS transfers, toInt64(sum(toInt128(amount))) AS amount
FROM transfers
GROUP BY status, code, step, currency
ORDER BY status, transfers DESC, code, step, currency
