-- As of the end of time every account stands where it stands now
SELECT 'accounts' AS subject, toString(count()) AS expected, toString(countIf(b.balance = t.balance AND b.version = t.version)) AS found
FROM account_balances AS b
FULL OUTER JOIN account_as_of(at = '2299-12-31 00:00:00') AS t ON t.account_id = b.account_id
