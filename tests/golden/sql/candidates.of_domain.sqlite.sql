SELECT delivery.id,
  delivery.domain
FROM delivery
WHERE delivery.mailing_id = :mailing_id_1
  AND delivery.state = :state_1
  AND delivery.id < :id_1
  AND delivery.domain = :domain_1
ORDER BY delivery.id
LIMIT :param_1 OFFSET :param_2
-- :mailing_id_1 is 1
-- :state_1 is 'waiting'
-- :id_1 is 900
-- :domain_1 is 'slow.example'
-- :param_1 is 50
-- :param_2 is 0
