SELECT consent_event.contact_id,
  consent_event.number,
  consent_event.link
FROM consent_event
WHERE consent_event.contact_id IN (
    SELECT CAST(chosen AS BIGINT) AS chosen
    FROM jsonb_array_elements_text(CAST(:b_ids::VARCHAR AS JSONB)) AS chosen)
