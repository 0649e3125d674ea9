INSERT INTO consent_event (contact_id, number, kind, topic, statement, at, recorded_at, detail, salt, digest, link)
VALUES (:b_0_contact_id, :b_0_number, :b_0_kind, :b_0_topic, :b_0_statement, :b_0_at, :b_0_recorded_at, :b_0_detail, :b_0_salt, :b_0_digest, :b_0_link),
  (:b_1_contact_id, :b_1_number, :b_1_kind, :b_1_topic, :b_1_statement, :b_1_at, :b_1_recorded_at, :b_1_detail, :b_1_salt, :b_1_digest, :b_1_link)
