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
    SELECT chosen.value
    FROM json_each(:b_ids) AS chosen)
ORDER BY contact.id
