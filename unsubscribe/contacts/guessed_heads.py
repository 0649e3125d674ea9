"""The meaning of unlisted heads about being mailed: *Wil nieuwsbrief?*, *Email opt-out date*.

Promises: :func:`guess` is called only for heads that are not listed in :mod:`.foreign`. It returns the way to read the
cells, or None where the head is about something else. That is another medium (*SMS opt-in*), a figure (*bounce rate*),
a link or another event (*afgemeld voor diner*). A head that asks for mail, or that is vague, is ``ambiguous``: it
counts only where a cell forbids mailing. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from unsubscribe.contacts.foreign import CONFIRMED, ForeignStatus, Status, flag

_LONGEST = 100  # characters of a head that is examined
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_MAIL = (
    r"(?:\w*mails?\b|\w*mailings?\b|\w*nieuwsbrie\w*|\w*newsletter\w*|infolettres?|lettres? d info\w*|\w*rundbrief\w*"
    r"|\w*werbung|marketing\w*|mailen|gemaild|gemailt|courriels?|updates|reclame|bulkmail|abo|abonnement|subscription)"
)
_OTHER = re.compile(
    r"\b(?:sms|mms|phone\w*|tel|telefo\w*|telephone|mobile|whatsapp|push|fax|faxes|call|calls|bellen|anruf\w*|linkedin|"
    r"(?:\w*[ _])?link|links|url|uri|\w*rate|ratio|percentage|score|number|count|counts|aantal|anzahl|nombre|language|"
    r"\w*taal|sprache|langue|format\w*|client|server|size|type|soort|ip|source|bron|campaign|title|titel|id|token|sent|"
    r"verzonden|opened|opens|clicked|clicks|click|open|last|soft|foto\w*|photo\w*|fotos|video|image|beeld\w*|bild\w*|"
    r"terms|voorwaarden|agb|mailbox|domain|provider|subject|text|tekst|address|adres|adresse|attendance|payment|order|"
    r"active subscription|event|membership|lidmaatschap|frequency|frequentie|topics?|interests?|name|naam)\b"
)
_ABOUT = re.compile(
    r"\b(?:afgemeld|afmelding|uitgeschreven|uitschrijving|abgemeldet|abmeldung|ausgetragen|aangemeld|angemeldet|"
    r"ingeschreven|inscrite?|opted out|opted in|opt out|opt in|unsubscribed|consent|toestemming|permission|bezwaar|"
    r"einwilligung|consentement|widerspruch|opposition|objection)"
    r" (?:voor|van|bij|fur|zur|zum|vom|von|a|au|aux|de|du|des|for|from|of|to|tegen|gegen|"
    r"in|die|het|la|le|les|the|d|l)\b"
)
_ALL = re.compile(r"\b(?:all|alle|alles|tout|list|lijst|liste|verteiler|everything)\b")
_NOT = (
    r"\b(?:geen|niet|kein|keine|keinen|nicht|no|not|pas de|pas d|ne pas|ne plus|plus de|plus d|plus recevoir|sans|stop)"
)
# Unmistakable heads, and the status that a filled cell below them means
_CLEAR: tuple[tuple[ForeignStatus, re.Pattern[str]], ...] = (
    ("complaint", re.compile(r"\bspam (?:complain|report|klacht|beschwerde|meld|gemeld|flag)|report\w* spam|mark\w* as "
                             r"spam|\babuse complain|\bemail complain|\bcomplain\w* email")),
    ("undeliverable", re.compile(r"bounc(?:e|es|ed|ing)\b|undeliverable|unzustellbar|onbestelbaar|onbezorgbaar|"
                                 r"non distribuable|\b(?:invalid|ongeldig|ungultig|invalide)\w* \w*mail|"
                                 r"mail\w* (?:invalid|ongeldig|ungultig)")),
    ("blocked", re.compile(r"\w*(?:blacklist|blocklist)|\b(?:black|block) list|liste noire|sperrliste|exclusion list|"
                           r"suppress|\bdnc\b|(?:do ?not|dont|no|never) ?(?:bulk ?|mass ?)?(?:e ?)?mails?\b|"
                           r"do ?not ?(?:contact|send|bulk|market|allow \w*mail|allow bulk)|\bno ?(?:bulk )?mails?\b|"
                           r"mails? disabled|disabled \w*mail|(?:mail|werbe|newsletter|versand)sperre|ineligible|"
                           r"mail\w* (?:niet toestaan|nicht zulassen|uitgesloten|ausgeschlossen|blocked|geblokkeerd)")),
    ("unsubscribed", re.compile(r"\bunsub\w*|\bopt(?:ed)? ?outs?\b|\b(?:afgemeld|abgemeldet|uitgeschreven|ausgetragen|"
                                r"afmeld\w*|uitschrij\w*|abmeld\w*|abbestell\w*|austrag\w*|desabonn\w*|desinscri\w*)|"
                                r"stop time|\b(?:subscription|abonnement) (?:disabled|ended|cancelled|canceled)")),
)  # fmt: skip
_VAGUE: tuple[tuple[ForeignStatus, re.Pattern[str]], ...] = (
    ("blocked", re.compile(r"^(?:bezwaar|widerspruch|opposition|objection|objected|on hold|removed)$|"
                           rf"\b(?:bezwaar|widerspruch|opposition|objection|objected)\b.* {_MAIL}")),
    ("unsubscribed", re.compile(rf"{_NOT} (?:.* )?{_MAIL}|^(?:widerruf|widerrufen|ingetrokken|withdrawn|revoked)$|"
                                rf"{_MAIL} (?:.* )?(?:opgezegd|gestopt|beeindigd|gekundigt|ingetrokken|widerrufen|"
                                r"withdrawn|revoked|resilie|geweigerd)")),
)  # fmt: skip
_CONFIRMS = re.compile(r"\b(?:user|account|subscriber|subscription|gebruiker)\b.*\b(?:confirmed|verified|bevestigd)|"
                       r"double ?opt ?in|\bdoi\b")  # fmt: skip
_STATUS = re.compile(rf"\b(?:\w*status|state|statut|etat|toestand)\b(?=.*{_MAIL})|{_MAIL}.*\b(?:status|state|statut)\b|"
                     r"\b(?:global|list|member|delivery|subscri\w+|permission|consent|abonn\w*|deliverability|contact|"
                     r"marketing) (?:\w+ )?(?:status|statuses|state)\b|^abonnement$|"
                     r"\bsubscription statuses\b")  # fmt: skip
_WANTS = re.compile(
    r"\b(?:opt(?:ed)? ?in|optin|consent\w*|toestemming|toegestaan|permissi\w*|einwilligung|zustimmung|accept\w*|"
    r"akkoord|subscri\w*|abonnee|abonne\w*|abonniert|ingeschreven|aangemeld|angemeldet|inscrite?|wil|wils?t|wens\w*|"
    r"gewenst|wants?|wish\w*|receives?|ontvang\w*|erhalten|erhalt|empfang\w*|erwunscht|erlaubt|allow\w*|recevoir|recoit|"
    r"souhaite\w*|mag|darf|may|ok|okay|valid|active|actief|send|stuur\w*|agree\w*|graag)\b"
)
_CONSENT = re.compile(
    r"^(?:(?:gdpr|avg|dsgvo|rgpd|privacy|has|is|heeft) )?(?:consent\w*|toestemming|permissi\w*|einwilligung|zustimmung|"
    r"werbe\w*einwilligung|akkoord|opt ?in|optin)(?: given| gegeven| erteilt| status| gdpr| avg| dsgvo| rgpd)?$"
)
_BARE = re.compile(
    r"^(?:\w*nieuwsbrie\w*|\w*newsletters?|mailen|bulk email|mailings?|infolettres?|lettres? d info\w*|rundbrief)"
    r"(?: ja nee| j n| yes no| ja nein| oui non| y n)?$"
)
_WRITTEN_TO = re.compile(
    r"\b(?:darf|mag|may)\b.*\b(?:angeschrieben|gemail[dt]|benaderd|kontaktiert|contact\w*|mail\w*)"
)
_TYPES = Status(
    ambiguous=True,
    yes_no=False,
    words=dict.fromkeys(("regular", "premium", "gifted", "trialed", "paid", "free"), "subscribed"),
)
_DELIVERY = Status(
    ambiguous=True,
    yes_no=False,
    words=dict.fromkeys(("mail", "digest", "digestplain", "notice", "summary", "txt", "html", "urlize"), "subscribed"),
)
_REASON = re.compile(r"\w*(?:reason|reden|grund|raison|motif|mode)\b")
_LEFT = re.compile(
    r"(?:unsubscribe|nonsubscribe|cleaned|archived (?:email|members|contacts)|bounced|blacklist|blocklist|suppress|"
    r"opt(?:ed)? ?out|afgemeld|uitgeschreven|abgemeldet|ausgetragen|desabonn|desinscri)"
)


def words_of(head: str) -> str:
    """Return a head as plain words between blanks: *emailOptOut* and *E-Mail-Opt-Out* are both ``email opt out``."""
    plain = unicodedata.normalize("NFKD", _CAMEL.sub(" ", head.replace("ß", "ss"))).casefold()
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return " ".join(re.sub(r"\be mail", "email", re.sub(r"[^a-z0-9]+", " ", plain)).split())


@lru_cache(maxsize=1024)
def guess(head: str) -> Status | None:
    """Return the way to read the cells below such a head; None where it is not about getting mail."""
    if len(head) > _LONGEST:
        return None
    words = words_of(head)
    about = _ABOUT.search(words)
    rest = words[about.end() :] if about else ""
    if about and not re.search(_MAIL, rest) and not _ALL.search(rest):
        return None
    against = next((kind for kind, pattern in _CLEAR if pattern.search(words)), None)
    if _REASON.search(words):
        return flag(against, text=against) if against else None
    if _OTHER.search(words) and not re.fullmatch(r"(?:subscriber )?type|invalid \w*mail address", words):
        return None
    if against:
        return flag(against)
    vague = next((kind for kind, pattern in _VAGUE if pattern.search(words)), None)
    if vague:
        return flag(vague, ambiguous=True)
    if words in ("subscriber type", "type", "reception", "delivery"):
        return _TYPES if "type" in words else _DELIVERY
    if _STATUS.search(words):
        return Status(ambiguous=True, numbered="subscri" in words, yes_no=False)
    if _CONFIRMS.search(words):
        return CONFIRMED
    wants = (_WANTS.search(words) and re.search(_MAIL, words)) or _WRITTEN_TO.search(words)
    if wants or _CONSENT.search(words) or _BARE.search(words):
        return Status(date="subscribed", ambiguous=True, vague=True)
    return None


def is_of_people_who_left(name: str) -> bool:
    """Return whether a file name says that its people left, as Mailchimp's *nonsubscribed_…* does."""
    return _LEFT.match(words_of(name)) is not None
