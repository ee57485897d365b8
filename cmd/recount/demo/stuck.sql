-- The sagas that need an operator: what saga list --stuck lists.
SELECT context, saga, instance_id, state, step, age_seconds, version, code, detail
FROM saga_instances
WHERE stuck
ORDER BY context, saga, instance_id
