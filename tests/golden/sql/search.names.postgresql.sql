SELECT contact.id,
  contact.email,
  contact.name
FROM contact
WHERE contact.id IN (
    SELECT CAST(chosen AS BIGINT) AS chosen
    FROM jsonb_array_elements_text(CAST(:b_ids::VARCHAR AS JSONB)) AS chosen)
