SELECT d.id
FROM delivery AS d
JOIN mailing AS m ON m.id = d.mailing_id
WHERE d.id IN (
    SELECT CAST(chosen AS BIGINT) AS chosen
    FROM jsonb_array_elements_text(CAST(:b_ids::VARCHAR AS JSONB)) AS chosen)
  AND ((
    SELECT min(suppression.reason) AS min_1
    FROM suppression
    WHERE suppression.address_hash = d.address_hash
      AND suppression.scope IN (:scope_1::VARCHAR, m.scope)
      AND (suppression.until IS NULL OR suppression.until > :b_now::TIMESTAMP WITH TIME ZONE)
      AND (m.kind = :kind_1::VARCHAR OR suppression.reason = :reason_1::VARCHAR AND NOT m.asked_for)
      AND NOT (suppression.reason = :reason_2::VARCHAR AND suppression.mailing IS NOT NULL AND suppression.mailing = m.id)) IS NOT NULL OR m.send_before <= :b_now::TIMESTAMP WITH TIME ZONE OR m.state != 'open')
-- :scope_1 is ''
-- :kind_1 is 'campaign'
-- :reason_1 is 'undeliverable'
-- :reason_2 is 'less_often'
