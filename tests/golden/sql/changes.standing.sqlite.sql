SELECT change.id,
  change.contact_id,
  change."before",
  change."after",
  change.at
FROM change
WHERE change.contact_id IN (
    SELECT chosen.value
    FROM json_each(:b_ids) AS chosen)
  AND change.undone_at IS NULL
  AND change.kind = :b_kind
ORDER BY change.id
