INSERT INTO subscription (topic_id, contact_id, state, since, statement)
VALUES (:b_0_topic_id::BIGINT, :b_0_contact_id::BIGINT, :b_0_state::VARCHAR, :b_0_since::TIMESTAMP WITH TIME ZONE, :b_0_statement::BIGINT),
  (:b_1_topic_id::BIGINT, :b_1_contact_id::BIGINT, :b_1_state::VARCHAR, :b_1_since::TIMESTAMP WITH TIME ZONE, :b_1_statement::BIGINT)
ON CONFLICT (topic_id, contact_id)
DO UPDATE SET state = excluded.state,
  since = excluded.since,
  statement = excluded.statement
