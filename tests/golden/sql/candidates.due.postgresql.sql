SELECT delivery.id,
  delivery.domain
FROM delivery
WHERE delivery.mailing_id = :mailing_id_1::BIGINT
  AND delivery.state = :state_1::VARCHAR
  AND delivery.retry_at <= :retry_at_1::TIMESTAMP WITH TIME ZONE
  AND (delivery.domain NOT IN (:domain_1_1::VARCHAR, :domain_1_2::VARCHAR))
ORDER BY delivery.retry_at
LIMIT :param_1::INTEGER
-- :mailing_id_1 is 1
-- :state_1 is 'retry'
-- :retry_at_1 is datetime.datetime(2024, 9, 18, 7, 0, tzinfo=datetime.timezone.utc)
-- :param_1 is 50
-- :domain_1_1 is 'slow.example'
-- :domain_1_2 is 'full.example'
