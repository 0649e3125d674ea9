SELECT contact.id,
  contact.email,
  contact.name
FROM contact
WHERE contact.id IN (
    SELECT chosen.value
    FROM json_each(:b_ids) AS chosen)
