SELECT delivery.recipient
FROM delivery
WHERE delivery.mailing_id = :b_mailing::BIGINT
  AND delivery.state = 'in_doubt'
  AND delivery.recipient IN (
    SELECT CAST(chosen AS BIGINT) AS chosen
    FROM jsonb_array_elements_text(CAST(:b_ids::VARCHAR AS JSONB)) AS chosen)
ORDER BY delivery.recipient
