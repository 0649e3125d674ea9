SELECT subscription.contact_id,
  subscription.topic_id,
  subscription.state,
  subscription.since,
  subscription.statement
FROM subscription
WHERE subscription.contact_id IN (
    SELECT CAST(chosen AS BIGINT) AS chosen
    FROM jsonb_array_elements_text(CAST(:b_ids::VARCHAR AS JSONB)) AS chosen)
