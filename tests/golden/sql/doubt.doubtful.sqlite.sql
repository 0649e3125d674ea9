SELECT delivery.recipient
FROM delivery
WHERE delivery.mailing_id = :b_mailing
  AND delivery.state = 'in_doubt'
  AND delivery.recipient IN (
    SELECT chosen.value
    FROM json_each(:b_ids) AS chosen)
ORDER BY delivery.recipient
