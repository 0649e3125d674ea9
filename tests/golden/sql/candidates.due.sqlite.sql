SELECT delivery.id,
  delivery.domain
FROM delivery
WHERE delivery.mailing_id = :mailing_id_1
  AND delivery.state = :state_1
  AND delivery.retry_at <= :retry_at_1
  AND (delivery.domain NOT IN (:domain_1_1, :domain_1_2))
ORDER BY delivery.retry_at
LIMIT :param_1 OFFSET :param_2
-- :mailing_id_1 is 1
-- :state_1 is 'retry'
-- :retry_at_1 is datetime.datetime(2024, 9, 18, 7, 0, tzinfo=datetime.timezone.utc)
-- :param_1 is 50
-- :param_2 is 0
-- :domain_1_1 is 'slow.example'
-- :domain_1_2 is 'full.example'
