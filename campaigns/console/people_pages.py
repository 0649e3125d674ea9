"""The people of each number of a report: a list, page by page, and the same as CSV and XLSX.

Promises: names and addresses are whole for users with the right to contacts, and masked for others, in the words of
servers too. Files are for the former alone, and each is in the audit trail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from starlette.responses import Response

from campaigns.console import outcomes, spreadsheets
from campaigns.console.routing import ConsoleRoute
from campaigns.console.spreadsheets import CSV, XLSX, Cell
from campaigns.console.visit import Visit
from campaigns.lifecycle import figures, records
from campaigns.lifecycle.records import Campaign
from campaigns.staff.audit import Act, Verb
from campaigns.staff.rights import Right
from mailer import outbox
from mailer.address import mask
from mailer.errors import InputError
from mailer.messages import Message
from mailer.outbox import Delivery
from mailer.outbox.listing import STATES
from mailer.outcome.classify import ADDRESS
from unsubscribe import contacts
from unsubscribe.contacts import NamedContact

PAGE, FILE_PAGE = 50, 2_000
SHORTEST_NAME = 3  # letters of a part of a name that is taken out of a server's words


@dataclass(frozen=True, slots=True)
class ListedPerson:
    """A person in a list, masked or not. ``number``: of the contact; 0 for one that was erased or is masked."""

    number: int
    name: str
    address: str
    row: Delivery
    why: str
    reply: str


def routes() -> list[ConsoleRoute]:
    """Return these routes."""
    path = "/campaigns/{slug}/people"
    return [
        ConsoleRoute(path, show=show),
        ConsoleRoute(f"{path}.csv", show=partial(download, CSV), right=Right.CONTACTS, is_slow=True),
        ConsoleRoute(f"{path}.xlsx", show=partial(download, XLSX), right=Right.CONTACTS, is_slow=True),
    ]


def show(visit: Visit) -> Response:
    """Show a page of the people with an outcome."""
    state, reason, after = _asked(visit)
    with visit.read() as conn:
        campaign, mailing = _launched(conn, visit)
        found = outbox.listed(conn, mailing, state, reason=reason, after=after, most=PAGE)
        known = contacts.names(conn, [row.recipient for row in found.people])
        whole = outbox.get(conn, mailing)
        counted = figures.of_mailing(conn, whole, visit.now)
    there = list(counted.outcomes) if counted else []
    return visit.page(
        "campaign_people.html",
        campaign=campaign,
        state=state,
        why=reason,
        title=outcomes.title(visit.words, state, reason),
        people=[_person(visit, row, known) for row in found.people],
        next_after=found.next_after,
        is_first=not after,
        total=_total(whole.counts, there, state, reason),
        choices=[outcomes.row(visit.words, *one) for one in there],
        state_name=outcomes.state_name(visit.words, state),
        tag=outcomes.TAGS.get(state, ""),
    )


def download(kind: str, visit: Visit) -> Response:
    """Answer all people with an outcome as a file."""
    state, reason, _after = _asked(visit)
    with visit.read() as conn:
        campaign, mailing = _launched(conn, visit)
        outbox.listed(
            conn, mailing, state, reason=reason, most=1
        )  # an unknown state is refused before the act is noted
        counts = outbox.get(conn, mailing).counts
    if kind == XLSX and (_total(counts, [], state, "") or 0) > spreadsheets.MOST_ROWS:
        said = visit.words.gettext("A sheet has room for 1,048,575 people, and there are more. Choose CSV.")
        return visit.page("problem.html", 409, sentences=[said], back=visit.url(f"/campaigns/{campaign.slug}/report"))
    with visit.write() as conn:
        visit.record(conn, Act(Verb.DOWNLOAD, "campaign", campaign.slug, ["people", state]))
    _ = visit.words.gettext
    columns = [
        _("Name"),
        _("Address"),
        _("Outcome"),
        _("Why"),
        f"{_('When')} ({campaign.timezone or visit.words.zone})",
    ]
    columns.append(_("Answer of the mail server"))
    name = f"{campaign.slug}-{state.replace('_', '-')}"
    return spreadsheets.download(visit, name, kind, columns, _cells(visit, campaign, state, reason))


def reply_words(code: int, reply: str) -> str:
    """Return the words of a mail server, with the code before them where it is not there yet."""
    return reply if not code or reply.startswith(str(code)) else f"{code} {reply}".strip()


def _asked(visit: Visit) -> tuple[str, str, str]:
    return visit.query("outcome") or "refused", visit.query("why"), visit.query("after")


def _launched(conn: Connection, visit: Visit) -> tuple[Campaign, int]:
    campaign = records.get(conn, visit.path["slug"])
    if campaign.mailing_id is None:
        raise InputError(Message("this campaign was not sent yet"))
    return campaign, campaign.mailing_id


def _person(visit: Visit, row: Delivery, known: dict[int, NamedContact]) -> ListedPerson:
    words = visit.words
    contact, reply = known.get(row.recipient), reply_words(row.code, row.reply)
    why = outcomes.reason_only(words, row.state, row.reason) if row.reason else ""
    if visit.may(Right.CONTACTS):
        number = contact.id if contact else 0
        return ListedPerson(number, contact.name if contact else "", row.address, row, why, reply)
    name, address = contact.name if contact else "", row.address
    masked = mask(address) if address else ""
    return ListedPerson(0, hide(name), masked, row, why, _nameless(reply, name, address))


def _nameless(reply: str, name: str, address: str) -> str:
    """Return the words of a server without addresses, and without what they may say of this person."""
    local = address.rpartition("@")[0]
    said = ADDRESS.sub("…", reply)
    for part in {local, local.partition("+")[0], *local.split("."), *name.split()}:
        if len(part) >= SHORTEST_NAME:
            said = re.sub(re.escape(part), "…", said, flags=re.IGNORECASE)
    return said


def hide(name: str) -> str:
    """Return the first letter of a name, for users without the right to contacts."""
    return f"{name[:1]}•••" if name else ""


def _total(counts: outbox.Counts, there: list[tuple[str, str, int]], state: str, reason: str) -> int | None:
    """Return how many people have an outcome; None where they have not been counted yet."""
    if not reason:
        number: int | None = getattr(counts, state, None) if state in STATES else None
        return number
    return sum(people for one, why, people in there if (one, why) == (state, reason)) if there else None


def _cells(visit: Visit, campaign: Campaign, state: str, reason: str) -> Iterator[tuple[Cell, ...]]:
    after, zone, mailing = "", ZoneInfo(campaign.timezone or visit.words.zone), campaign.mailing_id or 0
    name = outcomes.state_name(visit.words, state)
    said: dict[str, str] = {}
    while True:
        with visit.read() as conn:
            page = outbox.listed(conn, mailing, state, reason=reason, after=after, most=FILE_PAGE)
            known = contacts.names(conn, [row.recipient for row in page.people])
        for row in page.people:
            if row.reason not in said:
                said[row.reason] = outcomes.reason_only(visit.words, row.state, row.reason) if row.reason else ""
            contact = known.get(row.recipient)
            at = f"{row.at.astimezone(zone):%Y-%m-%d %H:%M:%S}" if row.at else ""
            reply = reply_words(row.code, row.reply)
            yield contact.name if contact else "", row.address, name, said[row.reason], at, reply
        after = page.next_after
        if not after:
            return
