"""Programs whose export is known by its heads, and which of its columns are the program's own bookkeeping. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from unsubscribe.contacts.foreign import key, keys


@dataclass(frozen=True, slots=True)
class Program:
    """A program whose export is known by some heads; ``own``: its bookkeeping columns, which no letter uses."""

    name: str
    signs: Collection[frozenset[str]]
    own: frozenset[str]


def _program(name: str, signs: str, own: str) -> Program:
    return Program(name, tuple(keys(sign) for sign in signs.split("|")), keys(own))


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
        "id, pool id, last ip, source, registered, stars, last changed, last location, last client",
    ),
    _program(
        "HubSpot",
        "contact id, contact owner | record id, create date",
        "record id, contact id, contact owner, create date, last activity date",
    ),
    _program(
        "ActiveCampaign",
        "subscriber id, sdate | contact id, ip4",
        "subscriber id, contact id, sdate, udate, ip4, hash",
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
    """Return the program whose export has these heads; None when it is not known."""
    words = {key(head) for head in heads}
    return next((program for program in _PROGRAMS if any(sign <= words for sign in program.signs)), None)
