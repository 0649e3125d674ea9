INSERT INTO subscription (topic_id, contact_id, state, since, statement)
VALUES (:b_0_topic_id, :b_0_contact_id, :b_0_state, :b_0_since, :b_0_statement),
  (:b_1_topic_id, :b_1_contact_id, :b_1_state, :b_1_since, :b_1_statement)
ON CONFLICT (topic_id, contact_id)
DO UPDATE SET state = excluded.state,
  since = excluded.since,
  statement = excluded.statement
