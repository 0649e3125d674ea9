"""Exports of other programs: the heads of their columns and the values below them, in nl, en, de and fr.

Promises: :func:`use_of` tells the meaning of a column from its head alone. :class:`Status` tells the meaning of a cell
in a column about being subscribed. That is one of :data:`KINDS`, or None where it is not known, and then nobody is
mailed on it. A head with other possible meanings (*status* of a membership) is ``ambiguous``: it counts only where a
cell is known. :mod:`.guessed_heads` reads heads that are not listed here, :mod:`.programs` knows a program by its
heads. Pure: no file, no database, no clock.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

ForeignStatus = Literal["subscribed", "unconfirmed", "undeliverable", "unsubscribed", "blocked", "complaint"]
KINDS: tuple[ForeignStatus, ...] = (
    "subscribed",
    "unconfirmed",
    "undeliverable",
    "unsubscribed",
    "blocked",
    "complaint",
)
ColumnUse = Literal[
    "email", "name", "first", "infix", "last", "language", "salutation", "date", "attributes", "left", "out"
]
_DATE = re.compile(
    r"(?!0000|1970-01-01)\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:\D.*)?|(?!0000|1970)\d{8}|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b.*|[1-9]\d{8,12}"
    r"|\d{1,2}\.? ?[^\W\d]{3,}\.? ?\d{4}\b.*|[^\W\d]{3,}\.? \d{1,2},? \d{4}\b.*",
    re.DOTALL,
)
_NO_DATE = re.compile(r"0000-00-00.*|1970-01-01.*|0+", re.DOTALL)
_BELOW_ZERO = re.compile(r"[-\u2212]\s?\d+")
_COUNT = re.compile(r"[1-9]\d{0,4}")


@lru_cache(maxsize=4096)
def key(text: str) -> str:
    """Return the key to compare heads and values by: letters a to z and digits (*Désabonné(e)*: ``desabonnee``)."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    return re.sub(r"[^a-z0-9]", "", plain.casefold())


def keys(words: str) -> frozenset[str]:
    """Return the keys of comma-separated words."""
    return frozenset(key(word) for word in words.split(",") if word.strip())


_YES = keys("1, 1.0, true, yes, y, t, on, ja, j, jawel, oui, o, x, wahr, vrai, waar, si, wel, aan, ein, ok")
_NO = keys(
    """0, 0.0, false, no, n, f, off, nee, neen, nein, non, falsch, faux, onwaar, null, none, nil, never,
        nooit, nie, jamais, niet, geen, nicht, keine, kein, pas, uit, aus, -, —"""
)
_MARKS: Mapping[str, str] = dict.fromkeys("✓✔☑☒√✅", "x") | dict.fromkeys("✗✘☐❌❎×", "no")
# The beginnings of longer answers that forbid mailing
_BEGINS: tuple[tuple[ForeignStatus, re.Pattern[str]], ...] = (
    ("complaint", re.compile(r"spam|complain|abus")),
    ("undeliverable", re.compile(r"(?:hard|soft)? ?bounc|hard_bounc|undeliver|clean(?:ed|_)")),
    ("blocked", re.compile(r"black ?list|block ?list|suppress|manual|do not|donot|dnc")),
    (
        "unsubscribed",
        re.compile(
            r"unsub|un-sub|no[tn]?[ _-]?(?:longer )?(?:subscri|marketing)|opt(?:ed)?[ _-]?out|afgemeld"
            r"|uitgeschreven"
            r"|abgemeldet|ausgetragen|d[eé]sabonn|d[eé]sinscri|cancel|by_|by user|by bounces|by moderator"
        ),
    ),
)
_NEGATION = re.compile(r"(?:no|nee|neen|nein|non|geen|niet|kein|keine|nicht|pas|not|never|nooit|nie|jamais)\W", re.I)
_STATES: Mapping[ForeignStatus, frozenset[str]] = {
    "subscribed": keys(
        """subscribed, enabled, active, confirmed, opted in, opt in, optin, double opt in, single opt in, doi,
        valid, registered, live, verified, never bounced, actief, ingeschreven, aangemeld, bevestigd,
        geabonneerd, geactiveerd, aktiv, angemeldet, abonniert, bestätigt, bestaetigt, eingetragen, aktiviert,
        actif, active, inscrit, inscrite, abonné, abonnée, confirmé, confirmée, activé, allow, allowed,
        toestaan, toegestaan, zulassen, erlaubt, autoriser, autorisé, given, granted, gegeven, erteilt, express,
        implied, explicit, marketing contact, deliverable"""
    ),
    "unconfirmed": keys(
        """unconfirmed, pending, unverified, not confirmed, awaiting confirmation, waiting, opt in pending,
        invited, unactivated, not activated, validating, pending confirmation, not set, no permissions set,
        onbevestigd, niet bevestigd, in afwachting, wachtend, wacht op bevestiging, unbestätigt, unbestaetigt,
        nicht bestätigt, ausstehend, wartend, offen, non confirmé, non confirmée, en attente, à confirmer"""
    ),
    "undeliverable": keys(
        """bounced, bounce, hard bounce, hard bounced, hardbounce, soft bounce, soft bounced, softbounce, cleaned,
        invalid, undeliverable, undelivered, held, temp hold, hold, by bounces, unreachable, dead, failed,
        erroneous, opgeschoond, ongeldig, onbestelbaar, onbezorgbaar, gebounced, gebounct, ungültig, ungueltig,
        unzustellbar, bereinigt, invalide, non distribuable, rejeté, erroné, nettoyé"""
    ),
    "unsubscribed": keys(
        """unsubscribed, unsubscribe, opted out, opt out, optout, disabled, inactive, removed, deleted, archived,
        suspended, deactivated, non subscribed, not subscribed, nonsubscribed, never subscribed, unregistered,
        left, transactional, gone, cancelled, canceled, churned, redacted, nomail, unsub, not active, not opted
        in, non marketing contact, withdrawn, revoked, denied, declined, refused, rejected, ingetrokken,
        geweigerd, widerrufen, abgelehnt, retiré, refusé, by user, uitgeschreven, afgemeld, opgezegd, inactief,
        niet actief, verwijderd, gedeactiveerd, uitgeschakeld, niet ingeschreven, niet aangemeld, gestopt,
        abgemeldet, ausgetragen, inaktiv, nicht aktiv, deaktiviert, gelöscht, geloescht, gekündigt, abbestellt,
        nicht angemeldet, désabonné, désabonnée, désinscrit, désinscrite, inactif, inactive, supprimé,
        supprimée, désactivé, désactivée, non abonné, non inscrit, résilié"""
    ),
    "blocked": keys(
        """blocklisted, blacklisted, blocked, block listed, black listed, suppressed, banned, excluded, do not
        contact, dnc, do not mail, do not allow, not allowed, niet toestaan, niet toegestaan, nicht zulassen,
        nicht erlaubt, ne pas autoriser, non autorisé, spammy, by moderator, unsubscribed from all, manually
        blocked, geblokkeerd, uitgesloten, niet mailen, niet benaderen, gesperrt, blockiert, ausgeschlossen,
        nicht kontaktieren, bloqué, bloquée, exclu, exclue, ne pas contacter, liste noire, manual, erased"""
    ),
    "complaint": keys(
        """complained, complaint, complaints, abuse, abused, spam, marked as spam, spam complaint, spam report,
        reported spam, spam reported, junk, abuse complaint, klacht, spamklacht, als spam gemeld, beschwerde,
        spam beschwerde, als spam markiert, plainte, plainte spam, signalé comme spam"""
    ),
}
_STATE: Mapping[str, ForeignStatus] = {word: kind for kind, words in _STATES.items() for word in words}
# Numbers of Mailtrain (1 to 4) and ActiveCampaign (0 to 3), which mean the same
_NUMBERED: Mapping[str, ForeignStatus] = {
    "1": "subscribed",
    "0": "unconfirmed",
    "2": "unsubscribed",
    "3": "undeliverable",
    "4": "complaint",
}


@dataclass(frozen=True, slots=True)
class Status:
    """The way to read the cells of one column. ``empty``, ``date``, ``text``: the meaning of these; None: not known.

    ``ambiguous``: the head means something else in other files; ``vague``: also where the column has only days.
    ``yes_no``: whether yes, no and marks are answers; where they are not, only a word against mailing settles it.
    """

    yes: ForeignStatus = "subscribed"
    no: ForeignStatus = "unsubscribed"
    empty: ForeignStatus | None = None
    date: ForeignStatus | None = None
    text: ForeignStatus | None = None
    numbered: bool = False
    ambiguous: bool = False
    vague: bool = False
    yes_no: bool = True
    words: Mapping[str, ForeignStatus] = field(default_factory=dict, hash=False)  # words with another meaning here

    def read(self, cell: str) -> ForeignStatus | None:
        """Return the status that a cell means; None when that is not known."""
        text = cell.strip()
        if _BELOW_ZERO.fullmatch(text):
            return "unsubscribed" if self.numbered else None  # AcyMailing
        word = key(text) or _MARKS.get(text, "")
        if not word:
            return self.empty if text in ("", "-", "—", "[]", "{}", "()") else self.text
        return self._word(word) or self._date(text) or self._several(text) or self._begins(text) or self.text

    def settles(self, cell: str) -> bool:
        """Return whether a cell shows that an ambiguous column is about being subscribed."""
        found = self.read(cell)
        if found is None or not self.yes_no:
            return found not in (None, "subscribed")
        return not (self.vague and self._date(cell.strip()) and not self._word(key(cell)))

    def _word(self, word: str) -> ForeignStatus | None:
        found = self.words.get(word) or _STATE.get(word) or (_NUMBERED.get(word) if self.numbered else None)
        letter = self.numbered and len(word) == 1 and word.isalpha()  # a letter code of a program
        if found or letter or not self.yes_no or (word not in _YES and word not in _NO):
            return found
        return self.yes if word in _YES else self.no

    def _date(self, text: str) -> ForeignStatus | None:
        if self.date and (_NO_DATE.fullmatch(text) or _DATE.fullmatch(text)):
            return self.date if _DATE.fullmatch(text) else self.empty
        return self.yes if _COUNT.fullmatch(text) and self.yes != "subscribed" else None

    def _several(self, text: str) -> ForeignStatus | None:
        """Return the value of a list in one cell, such as ``["UNSUBSCRIBE"]``."""
        parts = [part for part in re.split(r"[\[\](){}\"',;/]+", text) if part.strip()]
        if len(parts) == 1 and key(parts[0]) == key(text):
            return None
        kinds = [self._word(key(part)) for part in parts]
        return worst([kind for kind in kinds if kind]) if kinds and all(kinds) else None

    def _begins(self, text: str) -> ForeignStatus | None:
        found = next((kind for kind, pattern in _BEGINS if pattern.match(text.casefold())), None)
        negated = self.yes_no and self.no != "subscribed" and _NEGATION.match(text)
        return found or (self.no if negated else None)


_STATUS = Status(numbered=True, ambiguous=True)
_PLACE = Status(ambiguous=True, yes_no=False)  # may also be a state of a country
_POSITIVE = Status(date="subscribed")
_MAYBE = Status(date="subscribed", ambiguous=True)
CONFIRMED = Status("subscribed", "unconfirmed", "unconfirmed", "subscribed")


def flag(kind: ForeignStatus, *, ambiguous: bool = False, text: ForeignStatus | None = None) -> Status:
    """Return a column in which a filled cell forbids mailing; ``text``: the meaning of any other words."""
    return Status(kind, "subscribed", "subscribed", kind, text, ambiguous=ambiguous)


_STATUS_HEADS: tuple[tuple[Status, str], ...] = (
    (
        _STATUS,
        """status, statut, subscription status, subscription state, subscriber
        status, subscriber state, email status, e-mail status, e-mailstatus, mailing status, list
        status, contact status, contactstatus, member status id, subscription, marketing status, email marketing status,
        email marketing consent, email subscription status, inschrijfstatus, inschrijvingsstatus,
        abonnementsstatus, aanmeldstatus, mailstatus, nieuwsbriefstatus, abostatus, abo-status,
        anmeldestatus, abonnentenstatus, empfängerstatus, newsletterstatus, statut d'abonnement, statut
        de l'abonné, statut abonnement, statut inscription, held back""",
    ),
    (_PLACE, "state, zustand, toestand, staat, état"),
    (
        _POSITIVE,
        """subscribed, is subscribed, subscribed to emails, email subscribed, accepts marketing, accepts email
        marketing, email opt in, emailoptin, opt in, optin, opted in, ingeschreven, aangemeld,
        abonniert, angemeldet, inscrit, abonné, enabled, double opt in status""",
    ),
    (_MAYBE, "active, is active, actief, aktiv, actif, nieuwsbrief, newsletter, infolettre, mailing"),
    (replace(CONFIRMED, ambiguous=True), "activated, aktiviert, geactiveerd, activé"),
    (
        CONFIRMED,
        "confirmed, is confirmed, bevestigd, bestätigt, confirmé, verified, email confirmed, double opt in confirmed",
    ),
    (
        flag("unsubscribed"),
        """unsubscribed, unsubscribe, is unsubscribed, unsub time, unsubscribed at, unsubscribe date, unsubscribed
        date, date unsubscribed, unsubscribe time, unsubscription date, unsubscribed on, opt out,
        optout, opted out, opt out date, opt out time, opted out at, has opted out of email, email opt
        out, emailoptout, optedout, unsub, unsub date, deactivated, deactivated at,
        deleted at, deleted, is deleted, disabled, archived, archived at, afgemeld, afgemeld op,
        afmelddatum, datum afmelding, afmelding, uitgeschreven, uitgeschreven op, uitschrijfdatum, datum
        uitschrijving, uitschrijving, opgezegd, abgemeldet, abgemeldet am, abmeldedatum, abmeldung,
        ausgetragen, ausgetragen am, austragungsdatum, deaktiviert, désabonné, désabonné le, date de
        désabonnement, désabonnement, désinscrit, désinscrit le, date de désinscription, désinscription,
        desabonnement date, geen nieuwsbrief, kein newsletter""",
    ),
    (
        flag("blocked"),
        """blacklisted, blocklisted, blacklisted email, blocklisted email, email blacklist, email blacklisted,
        emailblacklist, blacklist, blocklist, blocked, do not contact, donotcontact, dnc, do not mail,
        do not email, is excluded from campaigns, isexcludedfromcampaigns, excluded, suppressed,
        unsubscribed from all email, unsubscribed from all, global unsubscribe, geblokkeerd, niet
        mailen, geen mail, geen e-mail, gesperrt, keine mail, keine e-mail, bloqué, liste noire, ne pas
        contacter""",
    ),
    (
        flag("undeliverable"),
        """bounced, is bounced, bounced at, bounce date, hard bounced, hard bounce, hardbounced, hardbounce, hard
        bounced at, clean time, cleaned, cleaned at, cleaned date,
        bounced date, date bounced, invalid email, gebounced, ongeldig adres,
        unzustellbar, invalide""",
    ),
    (
        flag("complaint"),
        """complained, complaint, complained at, complaint date, spam complaint, spam complaint date, marked as
        spam, spam reported, klacht, beschwerde, plainte""",
    ),
)
_STATUS_OF: Mapping[str, Status] = {head: status for status, heads in _STATUS_HEADS for head in keys(heads)}
_STARTS: tuple[tuple[str, Status], ...] = (
    ("optedoutofemail", flag("unsubscribed")),
    ("unsubscribedfrom", flag("unsubscribed")),
)
_USES: Mapping[ColumnUse, str] = {
    "email": """email, e-mail, mail, e-mail address, email address, emailaddress, emailadres, e-mailadres, mailadres,
        e-mail adres, e-mailadresse, e-mail-adresse, emailadresse, mailadresse, mail-adresse, adresse
        e-mail, adresse email, adresse mail, adresse électronique, adresse de courriel, courriel, mél,
        mel, epost, e-post, subscriber, recipient, email1, email 1, e-mail 1, e-mail 1 - value, primary
        email, mail address, user email, contact email, subscriber email, e-mail (privé), elektronische
        post""",
    "name": """name, naam, full name, fullname, volledige naam, vollständiger name, kompletter name, nom complet, nom
        et prénom, prénom et nom, contactnaam, display name, weergavenaam, anzeigename, subscriber name,
        contact name, roepnaam en achternaam, voor- en achternaam, vor- und nachname""",
    "first": """first name, firstname, fname, given name, givenname, voornaam, roepnaam, vorname, prénom, prenom""",
    "infix": "tussenvoegsel, tussenvoegsels, tussenv, infix, voorvoegsel, voorvoegsels, name prefix",
    "last": """last name, lastname, lname, surname, family name, familyname, achternaam, familienaam, nachname,
        familienname, nom de famille""",
    "language": """language, lang, taal, taalcode, voorkeurstaal, taalvoorkeur, sprache, sprachcode, langue, idioma,
        locale, preferred language, language code, code langue, contact language, correspondentietaal,
        langue de correspondance, korrespondenzsprache""",
    "salutation": """salutation, aanhef, briefaanhef, aanhef brief, briefanrede, anredezeile, formule d'appel,
        formule d'appellation, greeting""",
    "date": """optin time, confirm time, opt in date, optin date, opt in time, subscribed at, subscribe date,
        subscribed on, date subscribed, subscription date, confirmed at, confirmation date, confirmed
        on, inschrijfdatum, datum inschrijving, ingeschreven op, aanmelddatum, datum aanmelding,
        aangemeld op, anmeldedatum, angemeldet am, eintragungsdatum, bestätigt am, date d'inscription,
        date d'abonnement, inscrit le, subscribed date, double opt in date""",
}
_USE_OF: Mapping[str, ColumnUse] = {head: use for use, heads in _USES.items() for head in keys(heads)}


def status_of(head: str) -> Status | None:
    """Return the way to read a column about being subscribed, by its head; None for any other column."""
    word = key(head)
    found = _STATUS_OF.get(word)
    return found or next((status for start, status in _STARTS if word.startswith(start)), None)


def use_of(head: str) -> ColumnUse | None:
    """Return the use of a column by its head, apart from being subscribed; None: an attribute."""
    return _USE_OF.get(key(head))


_LANGUAGES: Mapping[str, str] = {
    "nl": """nl, nld, dut, dutch, nederlands, vlaams, niederländisch, néerlandais, neerlandais,
        nederlandstalig, flemish, hollands""",
    "en": "en, eng, english, engels, englisch, anglais, engelstalig, british, american",
    "de": "de, deu, ger, german, duits, deutsch, allemand, duitstalig",
    "fr": "fr, fra, fre, french, frans, französisch, franzoesisch, français, francais, franstalig",
    "es": "es, spa, spanish, spaans, spanisch, espagnol, español",
    "it": "it, ita, italian, italiaans, italienisch, italien, italiano",
    "pt": "pt, por, portuguese, portugees, portugiesisch, portugais, português",
    "pl": "pl, pol, polish, pools, polnisch, polonais, polski",
    "tr": "tr, tur, turkish, turks, türkisch, turc, türkçe",
    "fy": "fy, fry, frisian, fries, frysk, friesisch, frison",
    "da": "da, dan, danish, deens, dänisch, danois, dansk",
    "sv": "sv, swe, swedish, zweeds, schwedisch, suédois, svenska",
    "uk": "uk, ukr, ukrainian, oekraïens, ukrainisch, ukrainien",
    "ar": "ar, ara, arabic, arabisch, arabe",
}
_LANGUAGE_OF: Mapping[str, str] = {word: code for code, words in _LANGUAGES.items() for word in keys(words)}


def language_code(name: str) -> str | None:
    """Return the code of a language by its name (*Nederlands*) or its code of three letters (*nld*).

    None: not known.
    """
    return _LANGUAGE_OF.get(key(name))


def worst(kinds: Collection[ForeignStatus]) -> ForeignStatus:
    """Return the strictest of the statuses that several columns mean."""
    return max(kinds, key=KINDS.index, default="subscribed")
