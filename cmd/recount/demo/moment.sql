-- One account as of a moment. Parameters: moment, account.
SELECT balance, currency, status, version
FROM account_as_of(at = ?)
WHERE account_id = ?
