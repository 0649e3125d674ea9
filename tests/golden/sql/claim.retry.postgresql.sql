WITH heads AS (
    SELECT d.id AS id,
      CASE
        WHEN (m.send_before <= :b_now::TIMESTAMP WITH TIME ZONE) THEN 'expired'
        WHEN (d.first_claimed_at <= :b_given_up::TIMESTAMP WITH TIME ZONE) THEN 'time_is_up'
        ELSE 'suppressed:' || (
            SELECT min(suppression.reason) AS min_1
            FROM suppression
            WHERE suppression.address_hash = d.address_hash
              AND suppression.scope IN (:scope_1::VARCHAR, m.scope)
              AND (suppression.until IS NULL OR suppression.until > :b_now::TIMESTAMP WITH TIME ZONE)
              AND (m.kind = :kind_1::VARCHAR OR suppression.reason = :reason_1::VARCHAR AND NOT m.asked_for)
              AND NOT (suppression.reason = :reason_2::VARCHAR AND suppression.mailing IS NOT NULL AND suppression.mailing = m.id)) END AS verdict
    FROM delivery AS d
    JOIN mailing AS m ON m.id = d.mailing_id
    WHERE d.state = 'retry'
      AND m.state = 'open'
      AND d.mailing_id = :b_mailing::BIGINT
      AND d.retry_at <= :b_now::TIMESTAMP WITH TIME ZONE
    ORDER BY d.retry_at
    LIMIT :b_room
    FOR UPDATE OF d SKIP LOCKED)
UPDATE delivery
SET state=CASE
    WHEN (heads.verdict IS NULL) THEN 'sending'
    WHEN (heads.verdict = 'time_is_up') THEN 'refused'
    ELSE 'skipped' END,
  reason=coalesce(heads.verdict, ''),
  attempt=(delivery.attempt + CASE
    WHEN (heads.verdict IS NULL) THEN 1
    ELSE 0 END),
  sender_id=CASE
    WHEN (heads.verdict IS NULL) THEN :b_sender::BIGINT
    ELSE NULL END,
  first_claimed_at=CASE
    WHEN (heads.verdict IS NULL) THEN coalesce(delivery.first_claimed_at, :b_now::TIMESTAMP WITH TIME ZONE)
    ELSE delivery.first_claimed_at END,
  retry_at=NULL,
  at=:b_now::TIMESTAMP WITH TIME ZONE
FROM heads
WHERE delivery.id = heads.id
  AND delivery.state = 'retry'
RETURNING delivery.state,
  delivery.id,
  delivery.recipient,
  delivery.address,
  delivery.address_hash,
  delivery.domain,
  delivery.attempt,
  delivery.tries,
  delivery.first_claimed_at
-- :scope_1 is ''
-- :kind_1 is 'campaign'
-- :reason_1 is 'undeliverable'
-- :reason_2 is 'less_often'
