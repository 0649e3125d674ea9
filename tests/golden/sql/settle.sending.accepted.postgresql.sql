UPDATE delivery
SET state='accepted',
  reason=settled.reason,
  at=:b_now::TIMESTAMP WITH TIME ZONE,
  code=settled.code,
  reply=CASE
    WHEN (delivery.address = '') THEN ''
    ELSE settled.text END
FROM (
    SELECT CAST(r ->> 0 AS BIGINT) AS id,
      CAST(r ->> 1 AS INTEGER) AS attempt,
      CAST(r ->> 2 AS VARCHAR) AS reason,
      CAST(r ->> 3 AS INTEGER) AS code,
      CAST(r ->> 4 AS VARCHAR) AS text,
      CAST(r ->> 5 AS TIMESTAMP WITH TIME ZONE) AS retry_at
    FROM jsonb_array_elements(CAST(:b_rows::VARCHAR AS JSONB)) AS r) AS settled
WHERE delivery.id = settled.id
  AND delivery.attempt = settled.attempt
  AND delivery.sender_id = :b_sender::BIGINT
  AND delivery.state = 'sending'
