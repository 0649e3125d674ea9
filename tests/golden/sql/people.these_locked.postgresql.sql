SELECT contact.id,
  contact.email,
  contact.email_key,
  contact.address_hash,
  contact.domain,
  contact.name,
  contact.language,
  contact.attributes,
  contact.own_fields,
  contact.created_at,
  contact.updated_at
FROM contact
WHERE contact.id IN (
    SELECT CAST(chosen AS BIGINT) AS chosen
    FROM jsonb_array_elements_text(CAST(:b_ids::VARCHAR AS JSONB)) AS chosen)
ORDER BY contact.id
FOR UPDATE
