SELECT CAST(anon_1."key" AS BIGINT) AS "key"
FROM json_each(:b_after) AS anon_1
WHERE coalesce((
    SELECT max(consent_event.number) AS max_1
    FROM consent_event
    WHERE consent_event.contact_id = CAST(anon_1."key" AS BIGINT)), :coalesce_1) != CAST(anon_1.value AS BIGINT)
-- :coalesce_1 is 0
