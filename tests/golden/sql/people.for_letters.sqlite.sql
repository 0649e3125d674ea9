SELECT contact.id,
  contact.email,
  contact.name,
  contact.language,
  contact.attributes,
  contact.own_fields
FROM contact
WHERE contact.id IN (
    SELECT chosen.value
    FROM json_each(:b_ids) AS chosen)
