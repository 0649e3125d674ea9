"""Find a person, and why she did not get a letter: search, and a page for each contact.

Promises: only users with the right to contacts see these pages. Each look-up of a person is in the audit trail, by the
contact's number. A search is not: what is typed would be a personal value. The answer to *why* comes from
:mod:`campaigns.lifecycle.explanation`; nothing is decided here, and nothing is changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection
from starlette.responses import Response

from campaigns.console import outcomes
from campaigns.console.people_pages import reply_words
from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.lifecycle import explanation, holds, records
from campaigns.lifecycle.explanation import Explanation, Question
from campaigns.lifecycle.records import Campaign
from campaigns.lifecycle.states import CampaignState
from campaigns.staff.audit import Act, Verb
from campaigns.staff.rights import Right
from mailer import outbox
from mailer.errors import InputError
from mailer.messages import Message
from mailer.outbox import Posted
from unsubscribe import contacts, verifying
from unsubscribe.contacts import Contact, NamedContact
from unsubscribe.contacts.search import SHORTEST

MOST, MOST_LETTERS, CHOICE = 50, 100, 20
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class SentLetter:
    """A letter to a person. ``campaign``: None for service mail."""

    campaign: Campaign | None
    posted: Posted
    title: str
    tag: str
    reply: str


def routes() -> list[ConsoleRoute]:
    """Return these routes."""
    return [
        ConsoleRoute("/contacts", show=search, right=Right.CONTACTS),
        ConsoleRoute("/contacts/{number}", show=person, right=Right.CONTACTS),
    ]


def search(visit: Visit) -> Response:
    """Show the contacts whose name or address begins with the words that were typed."""
    asked = visit.query("q")
    errors: dict[str, str] = {}
    found: list[NamedContact] = []
    topics: dict[int, list[str]] = {}
    if asked and len(asked) < SHORTEST:
        errors["q"] = visit.words.gettext("Type at least three letters of a name or an address.")
    elif asked:
        with visit.read() as conn:
            found = contacts.starting_with(conn, asked, MOST + 1)
            topics = _topics(conn, [one.id for one in found], visit.words.language)
    with visit.read() as conn:
        is_empty = not found and not contacts.everyone(conn, limit=1)
    status = 422 if errors else 200
    is_cut = len(found) > MOST
    number = visit.words.ngettext("{number} person found.", "{number} people found.", len(found))
    told = number.format(number=visit.words.number(len(found)))
    shown = {"q": asked, "found": found[:MOST], "topics": topics, "is_cut": is_cut, "most": MOST, "told": told}
    shown |= {"is_empty": is_empty}
    return visit.page("contacts.html", status, errors=errors, **shown)


def person(visit: Visit) -> Response:
    """Show a person: what she gets, what holds mail back, what was sent, and why she did not get a campaign."""
    number = _number(visit.path["number"])
    with visit.read() as conn:
        contact = contacts.get(conn, number)
        if contact is None:
            return _gone(visit, conn, number)
        slug = visit.query("campaign")
        campaign = records.get(conn, slug) if slug else None
        answer = _answer(conn, visit, contact, campaign) if campaign else None
        values = {
            "topics": contacts.subscriptions_of(conn, contact.id),
            "held": holds.of_contact(conn, contact, visit.words.moment, visit.words.language, visit.now),
            "letters": _letters(conn, visit, contact.id),
            "choice": _choice(conn, visit, campaign),
        }
    with visit.write() as conn:
        visit.record(conn, Act(Verb.LOOK_UP, "contact", str(contact.id)))
    return visit.page(
        "contact.html", contact=contact, campaign=campaign, answer=answer, capital=partial(_capital, visit), **values
    )


def _capital(visit: Visit, sentence: str) -> str:
    """Return a sentence of a use case in words, with a capital."""
    said = visit.words.said(sentence)
    return said[:1].upper() + said[1:]


def _gone(visit: Visit, conn: Connection, number: int) -> Response:
    erased: datetime | None = verifying.chain(conn, number).erased_at
    if erased is None:
        raise InputError(Message("there is no such contact"))
    return visit.page("contact_erased.html", 410, erased=erased)


def _answer(conn: Connection, visit: Visit, contact: Contact, campaign: Campaign) -> Explanation:
    zone = campaign.timezone

    def written(moment: datetime) -> str:
        return visit.words.moment(moment, zone)

    return explanation.explain(conn, Question(campaign, contact, written, visit.words.language), visit.now)


def _choice(conn: Connection, visit: Visit, chosen: Campaign | None) -> list[tuple[str, str]]:
    """Return the campaigns to ask about: those that run, those that ended last, and the chosen one."""
    running = records.in_states(conn, [CampaignState.SENDING, CampaignState.PAUSED, CampaignState.HELD])
    found = {one.slug: one for one in [*running, *records.finished(conn, CHOICE), *([chosen] if chosen else [])]}
    return [
        (one.slug, f"{one.shown} ({visit.words.short_day(one.launched_at)})" if one.launched_at else one.shown)
        for one in found.values()
    ]


def _letters(conn: Connection, visit: Visit, number: int) -> list[SentLetter]:
    """Return the last letters to a person, the newest first."""
    posted = outbox.posted_to(conn, number)[: -MOST_LETTERS - 1 : -1]
    campaigns = records.of_mailings(conn, [item.mailing for item in posted])
    return [
        SentLetter(
            campaigns.get(item.mailing),
            item,
            outcomes.title(visit.words, item.state, item.reason),
            outcomes.TAGS.get(item.state, ""),
            reply_words(item.code, item.reply),
        )
        for item in posted
    ]


def _topics(conn: Connection, numbers: list[int], language: str) -> dict[int, list[str]]:
    """Return the names of the topics that contacts are subscribed to."""
    names = {topic.id: topic.name_in(language) for topic in contacts.topics(conn)}
    return {
        number: sorted(names[row.topic_id] for row in rows.values() if row.state == "subscribed")
        for number, rows in contacts.standings(conn, numbers).items()
    }


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text[:20]) <= _LARGEST and len(text) < 20):
        raise InputError(Message("there is no such contact"))
    return int(text)
