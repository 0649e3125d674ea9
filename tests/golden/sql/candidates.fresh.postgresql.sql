SELECT delivery.id,
  delivery.domain
FROM delivery
WHERE delivery.mailing_id = :mailing_id_1::BIGINT
  AND delivery.state = :state_1::VARCHAR
  AND delivery.id > :id_1::BIGINT
  AND (delivery.domain NOT IN (:domain_1_1::VARCHAR, :domain_1_2::VARCHAR))
ORDER BY delivery.id
LIMIT :param_1::INTEGER
-- :mailing_id_1 is 1
-- :state_1 is 'waiting'
-- :id_1 is 100
-- :param_1 is 50
-- :domain_1_1 is 'slow.example'
-- :domain_1_2 is 'full.example'
