SELECT change.id,
  change.contact_id,
  change.before,
  change.after,
  change.at
FROM change
WHERE change.contact_id IN (
    SELECT CAST(chosen AS BIGINT) AS chosen
    FROM jsonb_array_elements_text(CAST(:b_ids::VARCHAR AS JSONB)) AS chosen)
  AND change.undone_at IS NULL
  AND change.kind = :b_kind::VARCHAR
ORDER BY change.id
