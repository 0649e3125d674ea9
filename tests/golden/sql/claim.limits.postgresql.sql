SELECT DISTINCT suppression.every_days
FROM suppression
WHERE suppression.every_days IS NOT NULL
