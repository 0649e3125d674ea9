SELECT d.id
FROM delivery AS d
JOIN mailing AS m ON m.id = d.mailing_id
WHERE d.id IN (
    SELECT chosen.value
    FROM json_each(:b_ids) AS chosen)
  AND ((
    SELECT min(suppression.reason) AS min_1
    FROM suppression
    WHERE suppression.address_hash = d.address_hash
      AND suppression.scope IN (:scope_1, m.scope)
      AND (suppression.until IS NULL OR suppression.until > :b_now)
      AND (m.kind = :kind_1 OR suppression.reason = :reason_1 AND m.asked_for = 0)
      AND NOT (suppression.reason = :reason_2 AND suppression.mailing IS NOT NULL AND suppression.mailing = m.id)) IS NOT NULL OR m.send_before <= :b_now OR m.state != 'open')
-- :scope_1 is ''
-- :kind_1 is 'campaign'
-- :reason_1 is 'undeliverable'
-- :reason_2 is 'less_often'
