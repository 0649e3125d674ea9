INSERT INTO suppression (address_hash, scope, reason, since)
VALUES (:b_0_address_hash, :b_0_scope::VARCHAR, :b_0_reason::VARCHAR, :b_0_since::TIMESTAMP WITH TIME ZONE),
  (:b_1_address_hash, :b_1_scope::VARCHAR, :b_1_reason::VARCHAR, :b_1_since::TIMESTAMP WITH TIME ZONE)
ON CONFLICT DO NOTHING
