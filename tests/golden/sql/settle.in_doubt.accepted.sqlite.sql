UPDATE delivery
SET state='accepted',
  reason=:b_reason,
  at=:b_now,
  code=:b_code,
  reply=CASE
    WHEN (delivery.address = '') THEN ''
    ELSE :b_text END
WHERE delivery.id = :b_id
  AND delivery.attempt = :b_attempt
  AND delivery.sender_id = :b_sender
  AND +delivery.state = 'in_doubt'
