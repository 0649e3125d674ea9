INSERT INTO suppression (address_hash, scope, reason, since)
VALUES (:b_0_address_hash, :b_0_scope, :b_0_reason, :b_0_since),
  (:b_1_address_hash, :b_1_scope, :b_1_reason, :b_1_since)
ON CONFLICT DO NOTHING
