"""What other programs export: the heads of their columns and what stands below them, in nl, en, de and fr.

Promises: :func:`use_of` says what a column means by its head alone; :class:`Status` says what a cell of a column about
being subscribed means: one of :data:`KINDS`, or None where it is not known, and then nobody is mailed on it. A head
that can mean something else too (*status* of a membership) is ``ambiguous``: it counts only where a cell is known.
:func:`made_by` knows a program by its heads, and then which of its columns are its own bookkeeping. Pure: no file, no
database, no clock.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

Kind = Literal["subscribed", "unconfirmed", "undeliverable", "unsubscribed", "blocked", "complaint"]
KINDS: tuple[Kind, ...] = ("subscribed", "unconfirmed", "undeliverable", "unsubscribed", "blocked", "complaint")
Use = Literal["email", "name", "first", "infix", "last", "language", "salutation", "date", "attributes", "left", "out"]
_DATE = re.compile(
    r"(?!0000|1970-01-01)\d{4}-\d{1,2}-\d{1,2}\b.*|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b.*|[1-9]\d{8,12}"
    r"|\d{1,2}\.? ?[^\W\d]{3,}\.? ?\d{4}\b.*|[^\W\d]{3,}\.? \d{1,2},? \d{4}\b.*",
    re.DOTALL,
)
_NO_DATE = re.compile(r"0000-00-00.*|1970-01-01.*|0+", re.DOTALL)
_COUNT = re.compile(r"[1-9]\d{0,4}")


@lru_cache(maxsize=4096)
def key(text: str) -> str:
    """How heads and values are compared: lower-case letters a to z and digits (*Désabonné(e)*: ``desabonnee``)."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    return re.sub(r"[^a-z0-9]", "", plain.casefold())


def _keys(words: str) -> frozenset[str]:
    return frozenset(key(word) for word in words.split(",") if word.strip())


_YES = _keys("1, true, yes, y, t, on, ja, j, jawel, oui, o, x, wahr, vrai, waar, si")
_NO = _keys(
    """0, false, no, n, f, off, nee, neen, nein, non, falsch, faux, onwaar, null, none, nil, never,
        nooit, nie, jamais, -, —"""
)
_STATES: Mapping[Kind, frozenset[str]] = {
    "subscribed": _keys(
        """subscribed, enabled, active, confirmed, opted in, opt in, optin, double opt in, single opt in, doi, ok,
        valid, registered, live, verified, never bounced, actief, ingeschreven, aangemeld, bevestigd,
        geabonneerd, geactiveerd, aktiv, angemeldet, abonniert, bestätigt, bestaetigt, eingetragen,
        aktiviert, actif, active, inscrit, inscrite, abonné, abonnée, confirmé, confirmée, activé"""
    ),
    "unconfirmed": _keys(
        """unconfirmed, pending, unverified, not confirmed, awaiting confirmation, waiting, opt in pending,
        invited, onbevestigd, niet bevestigd, in afwachting, wachtend, wacht op bevestiging,
        unbestätigt, unbestaetigt, nicht bestätigt, ausstehend, wartend, offen, non confirmé, non
        confirmée, en attente, à confirmer"""
    ),
    "undeliverable": _keys(
        """bounced, bounce, hard bounce, hard bounced, hardbounce, soft bounce, soft bounced, softbounce, cleaned,
        invalid, undeliverable, undelivered, unreachable, dead, failed, erroneous, opgeschoond, ongeldig,
        onbestelbaar, onbezorgbaar, gebounced, gebounct, ungültig, ungueltig, unzustellbar, bereinigt,
        invalide, non distribuable, rejeté, erroné, nettoyé"""
    ),
    "unsubscribed": _keys(
        """unsubscribed, unsubscribe, opted out, opt out, optout, disabled, inactive, removed, deleted, archived,
        suspended, deactivated, non subscribed, not subscribed, nonsubscribed, never subscribed,
        unregistered, left, transactional, gone, uitgeschreven, afgemeld, opgezegd, inactief, niet
        actief, verwijderd, gedeactiveerd, uitgeschakeld, niet ingeschreven, niet aangemeld, gestopt,
        abgemeldet, ausgetragen, inaktiv, nicht aktiv, deaktiviert, gelöscht, geloescht, gekündigt,
        abbestellt, nicht angemeldet, désabonné, désabonnée, désinscrit, désinscrite, inactif, inactive,
        supprimé, supprimée, désactivé, désactivée, non abonné, non inscrit, résilié"""
    ),
    "blocked": _keys(
        """blocklisted, blacklisted, blocked, block listed, black listed, suppressed, banned, excluded, do not
        contact, dnc, do not mail, unsubscribed from all, manually blocked, geblokkeerd, uitgesloten,
        niet mailen, niet benaderen, gesperrt, blockiert, ausgeschlossen, nicht kontaktieren, bloqué,
        bloquée, exclu, exclue, ne pas contacter, liste noire, manual, erased"""
    ),
    "complaint": _keys(
        """complained, complaint, complaints, abuse, spam, marked as spam, spam complaint, spam report, reported
        spam, spam reported, junk, abuse complaint, klacht, spamklacht, als spam gemeld, beschwerde,
        spam beschwerde, als spam markiert, plainte, plainte spam, signalé comme spam"""
    ),
}
_STATE: Mapping[str, Kind] = {word: kind for kind, words in _STATES.items() for word in words}
# Numbers of Mailtrain (1 to 4) and ActiveCampaign (0 to 3), which say the same
_NUMBERED: Mapping[str, Kind] = {
    "1": "subscribed",
    "0": "unconfirmed",
    "2": "unsubscribed",
    "3": "undeliverable",
    "4": "complaint",
}


@dataclass(frozen=True, slots=True)
class Status:
    """How the cells of one column are read. ``empty``, ``date``: what these say; None: not known.

    ``ambiguous``: the head means something else in other files.
    """

    yes: Kind = "subscribed"
    no: Kind = "unsubscribed"
    empty: Kind | None = None
    date: Kind | None = None
    numbered: bool = False
    ambiguous: bool = False
    words: Mapping[str, Kind] = field(default_factory=dict, hash=False)  # that mean something else here

    def read(self, cell: str) -> Kind | None:
        """What a cell says of its person; None when that is not known."""
        text = cell.strip()
        word = key(text)
        if not word:
            return self.empty if text in ("", "-", "—") else None
        found = self.words.get(word) or _STATE.get(word) or (_NUMBERED.get(word) if self.numbered else None)
        if found or word in _YES or word in _NO:
            return found or (self.yes if word in _YES else self.no)
        if self.date and (_NO_DATE.fullmatch(text) or _DATE.fullmatch(text)):
            return self.date if _DATE.fullmatch(text) else self.empty
        return self.yes if _COUNT.fullmatch(text) and self.yes != "subscribed" else None


_STATUS = Status(numbered=True, ambiguous=True)
_POSITIVE = Status(date="subscribed")
_MAYBE = Status(date="subscribed", ambiguous=True)
_CONFIRMED = Status("subscribed", "unconfirmed", "unconfirmed", "subscribed")


def _flag(kind: Kind, *, ambiguous: bool = False) -> Status:
    """A column that says something against mailing where it is not empty."""
    return Status(kind, "subscribed", "subscribed", kind, ambiguous=ambiguous)


_STATUS_HEADS: tuple[tuple[Status, str], ...] = (
    (
        _STATUS,
        """status, state, statut, zustand, toestand, staat, subscription status, subscription state, subscriber
        status, subscriber state, email status, e-mail status, e-mailstatus, mailing status, list
        status, contact status, contactstatus, subscription, marketing status, email marketing status,
        email marketing consent, email subscription status, inschrijfstatus, inschrijvingsstatus,
        abonnementsstatus, aanmeldstatus, mailstatus, nieuwsbriefstatus, abostatus, abo-status,
        anmeldestatus, abonnentenstatus, empfängerstatus, newsletterstatus, statut d'abonnement, statut
        de l'abonné, statut abonnement, statut inscription, held back""",
    ),
    (
        _POSITIVE,
        """subscribed, is subscribed, subscribed to emails, email subscribed, accepts marketing, accepts email
        marketing, email opt in, emailoptin, opt in, optin, opted in, ingeschreven, aangemeld,
        abonniert, angemeldet, inscrit, abonné, enabled, double opt in status""",
    ),
    (_MAYBE, "active, is active, actief, aktiv, actif, nieuwsbrief, newsletter, infolettre, mailing"),
    (replace(_CONFIRMED, ambiguous=True), "activated, aktiviert, geactiveerd, activé"),
    (
        _CONFIRMED,
        "confirmed, is confirmed, bevestigd, bestätigt, confirmé, verified, email confirmed, double opt in confirmed",
    ),
    (
        _flag("unsubscribed"),
        """unsubscribed, unsubscribe, is unsubscribed, unsub time, unsubscribed at, unsubscribe date, unsubscribed
        date, date unsubscribed, unsubscribe time, unsubscription date, unsubscribed on, opt out,
        optout, opted out, opt out date, opt out time, opted out at, has opted out of email, email opt
        out, emailoptout, optedout, unsub, unsub date, unsub reason, deactivated, deactivated at,
        deleted at, deleted, is deleted, disabled, archived, archived at, afgemeld, afgemeld op,
        afmelddatum, datum afmelding, afmelding, uitgeschreven, uitgeschreven op, uitschrijfdatum, datum
        uitschrijving, uitschrijving, opgezegd, abgemeldet, abgemeldet am, abmeldedatum, abmeldung,
        ausgetragen, ausgetragen am, austragungsdatum, deaktiviert, désabonné, désabonné le, date de
        désabonnement, désabonnement, désinscrit, désinscrit le, date de désinscription, désinscription,
        desabonnement date, geen nieuwsbrief, kein newsletter""",
    ),
    (
        _flag("blocked"),
        """blacklisted, blocklisted, blacklisted email, blocklisted email, email blacklist, email blacklisted,
        emailblacklist, blacklist, blocklist, blocked, do not contact, donotcontact, dnc, do not mail,
        do not email, is excluded from campaigns, isexcludedfromcampaigns, excluded, suppressed,
        unsubscribed from all email, unsubscribed from all, global unsubscribe, geblokkeerd, niet
        mailen, geen mail, geen e-mail, gesperrt, keine mail, keine e-mail, bloqué, liste noire, ne pas
        contacter""",
    ),
    (
        _flag("undeliverable"),
        """bounced, is bounced, bounced at, bounce date, hard bounced, hard bounce, hardbounced, hardbounce, hard
        bounced at, email hard bounce reason, clean time, cleaned, cleaned at, cleaned date, clean
        campaign title, bounced date, date bounced, invalid email, gebounced, ongeldig adres,
        unzustellbar, invalide""",
    ),
    (
        _flag("complaint"),
        """complained, complaint, complained at, complaint date, spam complaint, spam complaint date, marked as
        spam, spam reported, klacht, beschwerde, plainte""",
    ),
)
_STATUS_OF: Mapping[str, Status] = {head: status for status, heads in _STATUS_HEADS for head in _keys(heads)}
_FREE_TEXT = {key(head) for head in ("UNSUB_REASON", "Email hard bounce reason", "CLEAN_CAMPAIGN_TITLE")}
_STARTS: tuple[tuple[str, Status], ...] = (
    ("optedoutofemail", _flag("unsubscribed")),
    ("unsubscribedfrom", _flag("unsubscribed")),
)
_USES: Mapping[Use, str] = {
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
_USE_OF: Mapping[str, Use] = {head: use for use, heads in _USES.items() for head in _keys(heads)}


def status_of(head: str) -> Status | None:
    """How a column with that head says who is subscribed; None for any other column."""
    word = key(head)
    if word in _FREE_TEXT:
        return None
    found = _STATUS_OF.get(word)
    return found or next((status for start, status in _STARTS if word.startswith(start)), None)


def use_of(head: str) -> Use | None:
    """For what a column with that head is used, beside what it says of being subscribed; None: an attribute."""
    return _USE_OF.get(key(head))


@dataclass(frozen=True, slots=True)
class Program:
    """A program whose export is known by some heads; ``own``: what it keeps for itself and no letter says."""

    name: str
    signs: Collection[frozenset[str]]
    own: frozenset[str]


def _program(name: str, signs: str, own: str) -> Program:
    return Program(name, tuple(_keys(sign) for sign in signs.split("|")), _keys(own))


_PROGRAMS = (
    _program(
        "Mailchimp",
        "leid, euid | member rating, optin ip | optin time, confirm ip",
        """member rating, optin ip, confirm ip, gmtoff, dstoff, timezone, cc, region, latitude, longitude, last
        changed, leid, euid, notes, unsub campaign title, unsub campaign id, unsub reason, unsub reason
        other, clean campaign title, clean campaign id, created at, updated at""",
    ),
    _program("listmonk", "uuid, attributes | uuid, subscription status", "id, uuid, created at, updated at, lists"),
    _program(
        "Ghost",
        "subscribed to emails",
        "id, uuid, note, complimentary plan, stripe customer id, created at, updated at, tiers, products",
    ),
    _program(
        "Mailtrain",
        "cid, opt in ip | cid, unsubscribed, created | opt in ip, latest open",
        """id, cid, hash email, source email, opt in ip, opt in country, tz, imported, is test, updated,
        created, latest open, latest click""",
    ),
    _program(
        "phpList",
        "confirmed, blacklisted | bouncecount, uniqid | foreign key, htmlemail | confirmed, bouncecount",
        """id, bouncecount, uniqid, uuid, htmlemail, subscribepage, rssfrequency, password, passwordchanged,
        extradata, foreignkey, optedin, entered, modified, is the account confirmed, send this user html
        emails, rss frequency""",
    ),
    _program(
        "Mautic",
        "do not contact, points | dnc, points | do not contact, date identified",
        "id, points, date identified, date added, last active, stage, owner, preferred profile image, is published",
    ),
    _program(
        "Brevo",
        "email id, added time | blacklisted email | email blacklist",
        "email id, contact id, added time, modified time, sms blacklist",
    ),
    _program(
        "Campaign Monitor",
        "date subscribed, state | subscribed date, lists",
        "ip address, consent to track, reads email with",
    ),
    _program(
        "CleverReach",
        "activated, deactivated",
        "id, pool id, bounced, last ip, source, registered, stars, last changed, last location, last client",
    ),
    _program(
        "HubSpot",
        "contact id, contact owner | record id, create date",
        "record id, contact id, contact owner, create date, last activity date",
    ),
    _program(
        "ActiveCampaign",
        "subscriber id, sdate | contact id, ip4",
        "subscriber id, contact id, sdate, udate, ip4, hash, deleted",
    ),
    _program(
        "Laposta", "member id, state | signup date, state", "member id, list id, ip, source url, signup date, modified"
    ),
    _program(
        "Sendy",
        "last campaign, last ares",
        "id, user id, last campaign, last ares, ip, referrer, timestamp, added via, method, bounce soft",
    ),
)


def made_by(heads: Collection[str]) -> Program | None:
    """The program whose export has these heads; None when it is not known."""
    words = {key(head) for head in heads}
    return next((program for program in _PROGRAMS if any(sign <= words for sign in program.signs)), None)


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
_LANGUAGE_OF: Mapping[str, str] = {word: code for code, words in _LANGUAGES.items() for word in _keys(words)}


def language_code(name: str) -> str | None:
    """The code of a language by its name (*Nederlands*) or its code of three letters (*nld*); None: not known."""
    return _LANGUAGE_OF.get(key(name))


def worst(kinds: Collection[Kind]) -> Kind:
    """Of what several columns say, that which keeps out most."""
    return max(kinds, key=KINDS.index, default="subscribed")
