INSERT INTO change (id, contact_id, kind, "before", "after", at)
VALUES (:b_0_id, :b_0_contact_id, :b_0_kind, :b_0_before, :b_0_after, :b_0_at),
  (:b_1_id, :b_1_contact_id, :b_1_kind, :b_1_before, :b_1_after, :b_1_at)
