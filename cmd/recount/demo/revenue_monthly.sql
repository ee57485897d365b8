-- What the shop earned, by month.
SELECT
    toString(month) AS period, currency, toInt64(payments) AS payments, toInt64(refunds) AS refunds,
    toInt64(revenue) AS revenue, toInt64(refunded) AS refunded, toInt64(taxes) AS taxes, toInt64(earned) AS earned
FROM financial_report_monthly
ORDER BY period, currency
