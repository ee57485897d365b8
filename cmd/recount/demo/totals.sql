-- What happened to accounts, by month, currency and type. A late entry counts where it belongs.
SELECT toString(month) AS month, currency, event_type, events, toInt64(amount) AS amount
FROM account_totals_monthly
ORDER BY month, currency, event_type
