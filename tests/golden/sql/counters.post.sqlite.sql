UPDATE mailing
SET recipients=(mailing.recipients + :b_recipients),
  waiting=(mailing.waiting + :b_waiting),
  sending=(mailing.sending + :b_sending),
  accepted=(mailing.accepted + :b_accepted),
  retry=(mailing.retry + :b_retry),
  refused=(mailing.refused + :b_refused),
  skipped=(mailing.skipped + :b_skipped),
  in_doubt=(mailing.in_doubt + :b_in_doubt),
  bounced=(mailing.bounced + :b_bounced),
  complained=(mailing.complained + :b_complained)
WHERE mailing.id = :b_mailing
