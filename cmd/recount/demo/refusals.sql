-- Commands that left no event, and why. An unchanged command has no code: it was right, and there was nothing to do.
SELECT outcome, code, count() AS commands
FROM refusals
GROUP BY outcome, code
ORDER BY commands DESC, outcome, code
