"""Whatever words a head has for being mailed: who is against it is kept out, and no other column keeps anybody out."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from unsubscribe.contacts.rows import Rejected, RowReader
from unsubscribe.contacts.sheet import Sheet

# head | cells of one who gets mail | cells of those who do not, with ~ between them; ; is between cells
KEPT_OUT = """
subscription_status|confirmed|unsubscribed~unconfirmed
uuid;status|u;enabled|u;disabled~u;blocklisted
lists;subscription_statuses|nieuws;confirmed|nieuws;unsubscribed
subscribed_to_emails|true|false
subscribed_to_emails;deleted_at|TRUE;|FALSE;
UNSUB_TIME;UNSUB_CAMPAIGN_TITLE;UNSUB_REASON|;;|2024-01-02 03:04:05;Nieuws;NORMAL
CLEAN_TIME;CLEAN_CAMPAIGN_TITLE|;|2024-01-02 03:04:05;Nieuws
MEMBER_RATING;status|2;subscribed|2;cleaned~2;archived~2;nonsubscribed~2;transactional
Is this user confirmed;Is this user blacklisted|1;0|1;1~0;0
Is the account confirmed?;Is the account blacklisted?|1;0|1;1~0;0
confirmed;blacklisted;bouncecount|1;0;2|1;1;0
dnc_email||1~unsubscribed~bounced~3
doNotContact|0|1~true
dncEmail|false|true
Do not contact (email)|No|Yes
BLACKLISTED|No|Yes
EMAIL_BLACKLISTED|false|true
Email blocklisted|No|Yes
Subscribed|Yes|No
DOUBLE_OPT-IN|Yes|No
OPT_IN|true|false
EMAIL status|Subscribed|Blocklisted~Unsubscribed
status|actief|uitgeschreven~verwijderd~opgeschoond~onbevestigd
Status|Actief|Afgemeld~Niet bevestigd~Hardbounce
Status|active|unsubscribed~unconfirmed~bounced~junk
Subscribed;Unsubscribed|2024-01-02;|2024-01-02;2024-02-02
Subscriber;Unsubscribed at|x;|x;2024-02-02 11:11:11
Aktiv|1|0
Status|aktiv|inaktiv~abgemeldet~bounced~gesperrt
activated;deactivated|02.01.2024 03:04;|02.01.2024 03:04;03.01.2024 03:04
Unsubscribed|false|true
IsUnsubscribed|False|True
is_unsubscribed|0|1
Subscription status|Subscribed|Unsubscribed
Exclusion list|No|Yes
Status|1|2~3~0
Status|Active|Unsubscribed~Bounced~Unconfirmed
List status|Active|Unsubscribed
Unsubscribe Date||2024-01-02 01:02:03
Unsubscribed from all email||true~Yes
Marketing contact status|Marketing contact|Non-marketing contact
Email hard bounce reason||Unknown user~MAILBOX_FULL
Opted out of email: One to One|FALSE|TRUE
Is globally ineligible||true
Opted out of all email|No|Yes
Invalid email address|false|true
Email hard bounce reason (hs_email_hard_bounce_reason_enum)||OTHER
hs_email_optout||true
Currently in Workflow;Unsubscribed from all email|x;|x;true
State|Active|Unsubscribed~Bounced~Deleted~Unconfirmed
Date Unsubscribed||02/03/2024
Consent to Track;Status|Yes;Active|Yes;Suppressed
Status|Subscribed|Unsubscribed~Bounced~Soft bounced~Marked as spam~Unconfirmed
status|active|unsubscribed~unreachable~archived
Bounced;Opt-out|Nee;Nee|Nee;Ja~Ja;Nee
Permissie|Ja|Nee
permission|1|0
Toestemming|ja|nee
toestemming nieuwsbrief|ja|nee
Uitschrijfreden||Te veel mail
Status|aktiv|bounce~abgemeldet~gelöscht~beschwerde~neu~inaktiv
status|active|abused~deleted~bounced~new
Abgemeldet am||02.03.2024 10:10
Abgemeldet|0|1
Newsletter-Abmeldung||02.03.2024
E-Mail-Status|aktiv|abgemeldet~Hardbounce
active_subscription;email_disabled|false;false|false;true~true;true
Email disabled||true
Subscription disabled|false|true
status|active|inactive~pending~validating~invalid~needs_attention
unsubscribed_at||2024-02-03T00:00:00Z
status|active|cancelled~bounced~complained~inactive
state|active|cancelled
subscriber_type|regular|unactivated~removed~unsubscribed~spammy~undeliverable~blocked~complained
type|regular|unactivated~unsubscribed
subscriber_type|premium|churned
unsubscription_date||2024-02-03
unsubscription_reason||too many
status|active|unsubscribed~removed~unconfirmed
Status|subscribed|unsubscribed~unconfirmed
Stop Time||2024-02-03 01:02:03
Stop Time;Status|;Subscribed|2024-02-03 01:02:03;Unsubscribed
Email status|Confirmed|Unsubscribed~Temp hold~Awaiting confirmation~No permissions set~Pending
Email permission status|Express|Opted Out~Unsubscribed~Not Set~Pending
Email status - Unsubscribed||Yes
Email permission status|implied|unsubscribed
Email opt-out date||2024-02-03
Email update source;Email Status|x;Active|x;Optout
reception|mail|nomail
delivery_status|enabled|by_user~by_bounces~by_moderator
nomail|off|on~[U]~[B]
delivery|digest|nomail
nomail|[]|[U]
Email Opt Out|0|1
HasOptedOutOfEmail|FALSE|TRUE
Email Bounced Reason;Email Bounced Date|;|550 no such user;2024-02-03
IsEmailBounced|false|true
Opt-out e-mail|Nee|Ja
EmailBouncedDate||2024-02-03T00:00:00Z
Status|Active|Held~Unsubscribed~Bounced
Do not allow Bulk Emails|Allow|Do Not Allow
Do not allow Emails|Allow|Do Not Allow
Bulk-e-mail niet toestaan|Toestaan|Niet toestaan
donotbulkemail|false|true
donotemail|0|1
Massen-E-Mails nicht zulassen|Zulassen|Nicht zulassen
Bulk Email|Allow|Do Not Allow
Do Not Email|0|1
No Bulk Emails (User Opt Out)|No|Yes
On Hold|0|1~2
is_opt_out|0|1
do_not_email||1
Bulkmail uitgesloten|Nee|Ja
Opt Out|False|True
Blacklist|False|True
is_blacklisted|0|1
Email Marketing Consent|SUBSCRIBED|UNSUBSCRIBED~NEVER_SUBSCRIBED
Email Suppressions|[]|["UNSUBSCRIBE"]~['HARD_BOUNCE']~MANUAL
Email Marketing Status|Subscribed|Unsubscribed
Suppressed|no|yes
Email Suppressions Timestamp||2024-02-03
Global Status|Subscribed|Unsubscribed~Inactive~Bounced~Unconfirmed
Subscriber status|subscribed|unsubscribed
List status;Global Status|subscribed;subscribed|unsubscribed;subscribed
enabled;confirmed|1;1|0;1~1;0
unsubscribe_date||2024-02-03
member_status|active|opt-out~error
Contact Status|Active|Unsub~Bounced~Spam
Email Opt Out|false|true
Unsubscribed Mode||Consent form
Unsubscribed Time||2024-02-03 10:10:10
Email subscriber status|Subscribed|Unsubscribed~Not subscribed~Never subscribed~Pending
Email deliverability status|Valid|Bounced~Inactive~Complained
Subscriber Status|Subscribed|Not set
Accepts Marketing|true|false
Accepts Email Marketing|yes|no
Email Marketing Consent State|subscribed|not_subscribed~redacted~invalid
email_marketing_consent.state|subscribed|unsubscribed~not_subscribed
Marketing opt-in|yes|no
Newsletter|Subscribed|Unsubscribed~Not Subscribed~Not Active
Newsletter Subscription Status|1|3
Nieuwsbrief|1|0
newsletter;optin|1;1|0;1~1;0
Nieuwsbrief ontvangen|ja|nee
Wil nieuwsbrief|Ja|Nee
Nieuwsbrief|J|N
wil mail|ja|nee
Wil e-mail ontvangen|Ja|Nee
Mag gemaild worden|ja|nee
Mailen?|ja|nee
Geen mail|nee|ja
Geen post per e-mail||x
Geen nieuwsbrief meer||ja
Nieuwsbrief (ja/nee)|ja|nee
Ontvangt nieuwsbrief|ja|nee
Nieuwsbrief?|Ja|Nee
E-mailnieuwsbrief|ja|nee
Aangemeld voor nieuwsbrief|ja|nee
Afgemeld voor nieuwsbrief|nee|ja
Nieuwsbrief opgezegd||2-2-2024
Nieuwsbrief status|aan|uit
nieuwsbrief|wel|niet
nieuwsbrief|ja|nee bedankt~geen~niet
Nieuwsbrief afgemeld op||12 maart 2024
Bezwaar||ja
Bezwaar tegen mail|nee|ja
e-mail toegestaan|ja|nee
Mailing gewenst|ja|nee
Mag mailen|ja|nee
AVG-toestemming|ja|nee
Akkoord nieuwsbrief|ja|nee
Uitgeschreven?|nee|ja
Afmelddatum nieuwsbrief||02-02-2024
nieuwsbrief|waar|onwaar
nieuwsbrief|✓|✗
nieuwsbrief|☑|☐
Wants newsletter|yes|no
Receive newsletter|Yes|No
Newsletter opt-in|Yes|No
newsletter_subscribed|true|false
Email consent|given|withdrawn~no
GDPR consent|Yes|No
Consent (GDPR)|Yes|No
consent|yes|no
Marketing consent|granted|denied~revoked
Email allowed|yes|no
No email|no|yes
No mail||x
Do Not Send|0|1
Opted-out|No|Yes
Unsubscribe?|No|Yes
Receives emails|true|false
Removed||2024-02-03
marketing_opt_out|0|1
marketing_permission|1|0
Email Subscription|On|Off
mail_ok|1|0
Newsletter?|yes|no thanks
Objection to direct marketing|no|yes
spam_complaints|0|2
email_bounced|0|1
hard_bounces|0|1
Undeliverable|no|yes
email_valid|true|false
is_active|t|f
subscribed|subscribed|not subscribed
Status|Subscribed|Unsubscribed (by admin)~Bounced - hard~unsubscribed via link
Newsletter erwünscht|ja|nein
Newsletter-Empfang|Ja|Nein
Einwilligung|ja|nein
Werbeeinwilligung|ja|nein~widerrufen
Kein Newsletter||x
Newsletter abbestellt|nein|ja
Widerruf||02.03.2024
Widerspruch|nein|ja
Status|angemeldet|abgemeldet~Nicht bestätigt~unbestätigt
Werbesperre|nein|ja
Mailsperre||x
Anmeldestatus|bestätigt|offen~widerrufen
Darf angeschrieben werden|ja|nein
Newsletter abonniert|ja|nein
E-Mail-Werbung erlaubt|ja|nein
Abmeldedatum Newsletter||02.03.2024
Newsletter|angemeldet|abgemeldet
Keine E-Mails||ja
Blacklist|nein|ja
Souhaite recevoir la newsletter|oui|non
Abonné à la newsletter|oui|non
Consentement|oui|non
Inscrit à la lettre d'information|oui|non
Ne souhaite plus recevoir d'e-mails|non|oui
Désabonné le||02/03/2024
Statut|inscrit|désinscrit~Non confirmé~En attente
Liste noire|non|oui
Pas de mailing||oui
Opposition|non|oui
Accepte les e-mails|oui|non
Infolettre|oui|non
Désinscription newsletter||02/03/2024
État|actif|désabonné~inactif
Opt-in newsletter|oui|non
Abonnement|actif|résilié
Date de désinscription||2 mars 2024
held_back||opt_out~complaint~undeliverable~manual
""".strip().splitlines()
# head | cells of people who all get mail
ORDINARY = """
status|lid|erelid|oud-lid|
status|member|honorary|donor
status|betaald|open|herinnering
state|Utrecht|Gelderland|Noord-Holland
state|ON|OK|QC|CA
state|OK|NO|AL
State|Bayern|Hessen|
staat|Nederland|Duitsland|
type|gold|silver|
type|particulier|organisatie|
bounce rate|0.03|0|1
Bounce Rate|12%|0%|
country|NO|NL|DE
land|nl|be|
afgemeld voor diner|ja|nee|
aangemeld voor diner|ja|nee|
unsubscribe link|https://x.example/u/1|https://x.example/u/2|
unsubscribe_url|https://x.example/u/1|https://x.example/u/2|
functie|griffier|raadslid|
vegetarisch|ja|nee|
active_subscription|false|true|
Toestemming foto|ja|nee|
photo consent|yes|no|
SMS opt-in|no|yes|
Accepts SMS Marketing|no|yes|
SMS_BLACKLIST|Yes|No|
Do not call|1|0|
telefoon|0|1|
newsletter language|nl|en|
newsletters opened|0|1|12
open rate|0|1|
last opened|2024-01-02||
geboortedatum|1-2-1970|02-02-1980|
lid sinds|2001|2011|
VIP|yes|no|
deelname|ja|nee|
Terms accepted|no|yes|
wil bellen|nee|ja|
mailbox size|0|1|
Email Client|Outlook|Gmail|
E-mail type|werk|privé|
E-mail 2|a@b.example||
blocked seats|1|0|
region|Active Coast|Removed Hill|
geslacht|m|v|x
tags|unsubscribed-2019|new|
opmerking|wil geen mail|belt graag|
Notes|do not contact by phone|x|
organisatie|Spam BV|Active Media|
paid|no|yes|
Post per brief|nee|ja|
Abonnement|Basis|Premium|
subscription|basic|premium|free
plan|free|paid|
afdeling|actief|passief|
Nieuwsbrief taal|nl|fr|
number of bounces|0|0|
newsletter|weekly|monthly|
commissie|Nieuwsbrief|Diner|
mail server|mx1|mx2|
Postfach|12|13|
Ontvangen bedrag|0|1|
Acceptgiro|nee|ja|
confirmed attendance|no|yes|
Aanwezig|nee|ja|
dieet|geen|vegan|
parkeren|geen|1|
kinderen|geen|2|
bezwaar WOZ|ja|nee|
bevestigingsmail verzonden|nee|ja|
mailing address|Straat 1|Straat 2|
postadres|Straat 1|Straat 2|
""".strip().splitlines()


def kinds(folder: Path, head: str, rows: list[str]) -> list[str]:
    """Return the outcome of each row of a file with these further columns."""
    path, text = folder / "list.csv", io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["email", *head.split(";")])
    writer.writerows([f"p{number}@x.example", *row.split(";")] for number, row in enumerate(rows))
    path.write_text(text.getvalue())
    with Sheet(path) as sheet:
        read = RowReader(sheet.columns, b"p" * 32, "nieuws").read
        found = [read(record) for record in sheet.records()]
    return ["rejected" if isinstance(row, Rejected) else row.kind for row in found]


@pytest.mark.parametrize("case", KEPT_OUT)
def test_who_does_not_want_mail_is_kept_out_in_whatever_words(tmp_path: Path, case: str) -> None:
    head, stays, left = case.split("|")
    first, *others = kinds(tmp_path, head, [stays, *left.split("~")])
    assert first == "subscribed"
    assert "subscribed" not in others


@pytest.mark.parametrize("case", ORDINARY)
def test_a_column_about_something_else_keeps_nobody_out(tmp_path: Path, case: str) -> None:
    head, *cells = case.split("|")
    assert set(kinds(tmp_path, head, cells)) == {"subscribed"}


@pytest.mark.parametrize("word", ["cancelled", "Canceled", "Unsubscribed (by admin)", "Bounced - hard", "klacht"])
def test_a_file_of_nothing_but_people_who_left_is_known(tmp_path: Path, word: str) -> None:
    assert "subscribed" not in kinds(tmp_path, "status", [word, word])


@pytest.mark.parametrize("cell", ["", "perhaps", "?"])
def test_where_some_say_yes_who_says_nothing_gets_nothing(tmp_path: Path, cell: str) -> None:
    assert kinds(tmp_path, "Wil nieuwsbrief", ["ja", cell]) == ["subscribed", "rejected"]
