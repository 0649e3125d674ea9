SELECT mailing.scope
FROM mailing
WHERE mailing.id = :b_id::BIGINT
