UPDATE delivery
SET state='retry',
  reason=:b_reason,
  tries=(delivery.tries + 1),
  retry_at=:b_retry_at,
  at=:b_now,
  code=:b_code,
  reply=CASE
    WHEN (delivery.address = '') THEN ''
    ELSE :b_text END
WHERE delivery.id = :b_id
  AND delivery.attempt = :b_attempt
  AND delivery.sender_id = :b_sender
  AND +delivery.state = 'in_doubt'
