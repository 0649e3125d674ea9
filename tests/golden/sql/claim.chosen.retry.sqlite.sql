WITH heads AS (
    SELECT d.id AS id,
      CASE
        WHEN (m.send_before <= :b_now) THEN 'expired'
        WHEN (d.first_claimed_at <= :b_given_up) THEN 'time_is_up'
        ELSE 'suppressed:' || (
            SELECT min(suppression.reason) AS min_1
            FROM suppression
            WHERE suppression.address_hash = d.address_hash
              AND suppression.scope IN (:scope_1, m.scope)
              AND (suppression.until IS NULL OR suppression.until > :b_now)
              AND (m.kind = :kind_1 OR suppression.reason = :reason_1 AND m.asked_for = 0)
              AND NOT (suppression.reason = :reason_2 AND suppression.mailing IS NOT NULL AND suppression.mailing = m.id)) END AS verdict
    FROM delivery AS d
    JOIN mailing AS m ON m.id = d.mailing_id
    WHERE d.state = 'retry'
      AND m.state = 'open'
      AND d.mailing_id = :b_mailing
      AND d.id IN (
        SELECT chosen.value
        FROM json_each(:b_ids) AS chosen)
    LIMIT :b_room OFFSET :param_1)
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
    WHEN (heads.verdict IS NULL) THEN :b_sender
    ELSE NULL END,
  first_claimed_at=CASE
    WHEN (heads.verdict IS NULL) THEN coalesce(delivery.first_claimed_at, :b_now)
    ELSE delivery.first_claimed_at END,
  retry_at=NULL,
  at=:b_now
FROM heads
WHERE delivery.id = heads.id
  AND delivery.state = 'retry'
RETURNING state,
  id,
  recipient,
  address,
  address_hash,
  domain,
  attempt,
  tries,
  first_claimed_at
-- :scope_1 is ''
-- :kind_1 is 'campaign'
-- :reason_1 is 'undeliverable'
-- :reason_2 is 'less_often'
-- :param_1 is 0
