UPDATE mailing
SET recipients=(mailing.recipients + :b_recipients::INTEGER),
  waiting=(mailing.waiting + :b_waiting::INTEGER),
  sending=(mailing.sending + :b_sending::INTEGER),
  accepted=(mailing.accepted + :b_accepted::INTEGER),
  retry=(mailing.retry + :b_retry::INTEGER),
  refused=(mailing.refused + :b_refused::INTEGER),
  skipped=(mailing.skipped + :b_skipped::INTEGER),
  in_doubt=(mailing.in_doubt + :b_in_doubt::INTEGER),
  bounced=(mailing.bounced + :b_bounced::INTEGER),
  complained=(mailing.complained + :b_complained::INTEGER)
WHERE mailing.id = :b_mailing::BIGINT
