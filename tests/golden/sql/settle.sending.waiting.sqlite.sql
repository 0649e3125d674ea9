UPDATE delivery
SET state='waiting',
  reason=:b_reason,
  sender_id=NULL,
  at=:b_now,
  code=:b_code,
  reply=CASE
    WHEN (delivery.address = '') THEN ''
    ELSE :b_text END
WHERE delivery.id = :b_id
  AND delivery.attempt = :b_attempt
  AND delivery.sender_id = :b_sender
  AND +delivery.state = 'sending'
