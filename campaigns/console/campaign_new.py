"""A new campaign: empty, or a copy of an earlier one; its name and its topic.

Promises: language, sender and time zone are those of the newest campaign, else of the organisation. A name that is
taken is refused, with another one. Where there is no topic yet, one is made with the campaign.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.lifecycle import drafts, records
from campaigns.lifecycle.drafts import LONGEST_NAME
from campaigns.lifecycle.records import Campaign, Wanted
from campaigns.staff.audit import Act, Verb
from campaigns.staff.rights import Right
from unsubscribe import contacts
from unsubscribe.contacts import Topic

EARLIER = 10
LONGEST_TOPIC = 100


@dataclass(frozen=True, slots=True)
class Beginnings:
    """The campaigns that may be copied, and the topics."""

    earlier: list[Campaign]
    topics: list[Topic]


def routes() -> list[ConsoleRoute]:
    """Return this route."""
    return [ConsoleRoute("/campaigns/new", show=show, act=begin, right=Right.WRITE)]


def show(visit: Visit) -> Response:
    """Show the form; ``from`` in the address chooses the campaign to copy."""
    chosen = visit.query("from")
    with visit.read() as conn:
        choices = _choices(conn, visit.query("q"), chosen)
        source = next((one for one in choices.earlier if one.slug == chosen), None)
        name = drafts.another_name(conn, source.shown[:LONGEST_NAME]) if source else ""
    values = {"start": chosen if source else "", "name": name, "topic": source.topic if source else "", "new_topic": ""}
    return _page(visit, choices, values)


def begin(visit: Visit) -> Response:
    """Make the draft, and go to it."""
    keys = ("start", "name", "topic", "new_topic")
    values = {key: visit.form.one(key) for key in keys}
    with visit.write() as conn:
        _fill(conn, values)
        choices = _choices(conn, "", values["start"])
        errors = _errors(visit, conn, values, choices)
        if not errors:
            topic = _topic(visit, conn, values, choices)
            return _made(visit, conn, values, topic)
    return _page(visit, choices, values, errors)


def _choices(conn: Connection, asked: str, chosen: str) -> Beginnings:
    earlier = records.search(conn, Wanted(words=asked), EARLIER).campaigns
    if chosen and all(one.slug != chosen for one in earlier) and (found := records.find(conn, chosen)):
        earlier = [found, *earlier][:EARLIER]
    return Beginnings(earlier, contacts.topics(conn))


def _fill(conn: Connection, values: dict[str, str]) -> None:
    """Take the topic of the campaign that is copied, where none was chosen."""
    earlier = records.find(conn, values["start"]) if values["start"] else None
    if earlier and not values["topic"]:
        values["topic"] = earlier.topic


def _errors(visit: Visit, conn: Connection, values: dict[str, str], choices: Beginnings) -> dict[str, str]:
    _ = visit.words.gettext
    errors = {}
    name, start = values["name"], values["start"]
    if not name:
        errors["name"] = _("Fill in a name.")
        earlier = records.find(conn, start) if start else None
        if earlier:
            errors["name"] = _("Fill in a name, or take this one.")
            values["name"] = drafts.another_name(conn, earlier.shown[:LONGEST_NAME])
    elif len(name) > LONGEST_NAME:
        text = _("The name may have {most} characters at most; now it has {number}.")
        errors["name"] = text.format(most=LONGEST_NAME, number=len(name))
    elif (free := drafts.another_name(conn, name)) != name:
        errors["name"] = _('There is a campaign "{name}" already. Take this name, or another one.').format(name=name)
        values["name"] = free
    if start and not records.find(conn, start):
        errors["start"] = _("This campaign does not exist any more. Choose another one.")
    if choices.topics and values["topic"] not in {topic.slug for topic in choices.topics}:
        errors["topic"] = _("Choose a topic.")
    if not choices.topics and not values["new_topic"]:
        errors["new_topic"] = _("Fill in the name of a topic.")
    elif not choices.topics and (len(values["new_topic"]) > LONGEST_TOPIC or not drafts.slug_for(values["new_topic"])):
        text = _("The name of a topic has letters from a to z or digits, and {most} characters at most.")
        errors["new_topic"] = text.format(most=LONGEST_TOPIC)
    return errors


def _topic(visit: Visit, conn: Connection, values: dict[str, str], choices: Beginnings) -> str:
    """Return the slug of the chosen topic; of a new one, where there is none yet."""
    if choices.topics:
        return values["topic"]
    topic = contacts.ensure_topic(conn, drafts.slug_for(values["new_topic"]), values["new_topic"], visit.now)
    visit.record(conn, Act(Verb.ADD_TOPIC, "topic", topic.slug))
    return topic.slug


def _made(visit: Visit, conn: Connection, values: dict[str, str], topic: str) -> Response:
    by, fields = visit.origin.actor, ("name", "topic")
    if values["start"]:
        earlier = drafts.current(conn, values["start"])
        draft = drafts.copy(conn, earlier, values["name"], topic, by, visit.now)
        verb = Verb.COPY
    else:
        head = _defaults(visit, conn) | {"topic": topic}
        draft = drafts.create(conn, values["name"], head, "", by, visit.now)
        verb = Verb.CREATE
    visit.record(conn, Act(verb, "campaign", draft.campaign.slug, fields))
    return visit.go(f"/campaigns/{draft.campaign.slug}", "created")


def _defaults(visit: Visit, conn: Connection) -> dict[str, str]:
    """Return the head of an empty campaign: as the newest one has it, else as the organisation is known."""
    reader = visit.console.app.reader
    sender = f"{visit.console.organisation} <{reader.contact}>" if reader.contact else ""
    basis = {"from": sender, "language": visit.words.language, "timezone": reader.timezone}
    return {key: value for key, value in (basis | drafts.defaults(conn)).items() if value}


def _page(visit: Visit, choices: Beginnings, values: dict[str, str], errors: dict[str, str] | None = None) -> Response:
    context: dict[str, Any] = {"choices": choices, "values": values, "q": visit.query("q"), "errors": errors or {}}
    return visit.page("campaign_new.html", 422 if errors else 200, longest=LONGEST_NAME, **context)
