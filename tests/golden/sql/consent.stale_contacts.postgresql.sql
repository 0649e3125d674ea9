SELECT CAST(anon_1.key AS BIGINT) AS key
FROM jsonb_each_text(CAST(:b_after::VARCHAR AS JSONB)) AS anon_1
WHERE coalesce((
    SELECT max(consent_event.number) AS max_1
    FROM consent_event
    WHERE consent_event.contact_id = CAST(anon_1.key AS BIGINT)), :coalesce_1::INTEGER) != CAST(anon_1.value AS BIGINT)
-- :coalesce_1 is 0
