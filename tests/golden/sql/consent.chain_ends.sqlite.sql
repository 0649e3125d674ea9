SELECT consent_event.contact_id,
  consent_event.number,
  consent_event.link
FROM consent_event
WHERE consent_event.contact_id IN (
    SELECT chosen.value
    FROM json_each(:b_ids) AS chosen)
