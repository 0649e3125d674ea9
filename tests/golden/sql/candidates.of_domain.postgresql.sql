SELECT delivery.id,
  delivery.domain
FROM delivery
WHERE delivery.mailing_id = :mailing_id_1::BIGINT
  AND delivery.state = :state_1::VARCHAR
  AND delivery.id < :id_1::BIGINT
  AND delivery.domain = :domain_1::VARCHAR
ORDER BY delivery.id
LIMIT :param_1::INTEGER
-- :mailing_id_1 is 1
-- :state_1 is 'waiting'
-- :id_1 is 900
-- :domain_1 is 'slow.example'
-- :param_1 is 50
