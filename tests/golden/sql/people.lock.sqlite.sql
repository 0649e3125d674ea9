SELECT contact.id
FROM contact
WHERE contact.id IN (
    SELECT chosen.value
    FROM json_each(:b_ids) AS chosen)
ORDER BY contact.id
