SELECT suppression.address_hash,
  suppression.scope,
  suppression.reason,
  suppression.since,
  suppression.until,
  suppression.every_days
FROM suppression
WHERE suppression.address_hash IN (:b_0, :b_1)
