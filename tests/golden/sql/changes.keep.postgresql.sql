INSERT INTO change (id, contact_id, kind, before, after, at)
VALUES (:b_0_id::BIGINT, :b_0_contact_id::BIGINT, :b_0_kind::VARCHAR, :b_0_before::VARCHAR, :b_0_after::VARCHAR, :b_0_at::TIMESTAMP WITH TIME ZONE),
  (:b_1_id::BIGINT, :b_1_contact_id::BIGINT, :b_1_kind::VARCHAR, :b_1_before::VARCHAR, :b_1_after::VARCHAR, :b_1_at::TIMESTAMP WITH TIME ZONE)
