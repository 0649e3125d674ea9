SELECT subscription.contact_id,
  subscription.topic_id,
  subscription.state,
  subscription.since,
  subscription.statement
FROM subscription
WHERE subscription.contact_id IN (
    SELECT chosen.value
    FROM json_each(:b_ids) AS chosen)
