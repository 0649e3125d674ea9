"""The columns that a letter uses, compared with the values of the contacts it goes to.

Promises: a column that no contact has is reported with *did you mean*, one that only contacts outside the topic have as
such. It also reports how many contacts read a fallback, and how many have a wrong value where the letter needs a
number, day or address. At most :data:`MOST` contacts are looked at one by one (then it says so). So it takes a
fraction of a second for a list of any size. Changes nothing. Without contacts it reports nothing; nothing here raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from campaigns.source.campaign_source import CampaignSource
from campaigns.source.definition import Definition
from mailer import similar
from mailer.errors import Fault, FaultsError
from mailer.letter.addresses import of_value
from mailer.letter.expression_tree import Constant, Filter, Name, Node, names
from mailer.letter.expressions import parse
from mailer.letter.filters import as_date, as_number
from mailer.letter.slots import Tag, Text, scan
from mailer.messages import Message
from mailer.storage import Database
from unsubscribe import contacts
from unsubscribe.contacts import Contact

MOST, PAGE = 2_000, 1_000
OWN = ("email", "name", "language")
_BEGINS_ADDRESS = re.compile(r"(?:\]\(<?|:::+[ \t]*button[ \t]+)\Z")


@dataclass(slots=True)
class ColumnReference:
    """A column that a letter names: where first, its fallback, and the kind of its values."""

    where: Fault
    fallback: str | None = None
    kind: str = ""  # "number", "date" or "address"; "" for any text
    missing: int = 0
    odd: list[tuple[str, str]] = field(default_factory=list)  # value, and the contact's address


@dataclass(frozen=True, slots=True)
class Findings:
    """Warnings, and notes: sentences on facts that may be as intended."""

    warnings: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()


def of_source(db: Database, source: CampaignSource) -> Findings:
    """Return the same for the source of a campaign, in a transaction of its own."""
    with db.read() as conn:
        return examine(conn, source.definition)


def examine(conn: Connection, definition: Definition) -> Findings:
    """Return the findings about a letter's columns and the contacts of its topic."""
    uses = {name: use for name, use in _uses(definition).items() if name != "email"}
    if not uses or contacts.find_topic(conn, definition.topic) is None:
        return Findings()
    people = _people(conn, definition.topic)
    if not people:
        return Findings()
    known = set(OWN).union(*(person.attributes for person in people))
    whole = len(people) < MOST
    unknown = {name: use for name, use in uses.items() if name not in known}
    if not whole:
        unknown = {name: use for name, use in unknown.items() if not contacts.having(conn, name, definition.topic)}
    warnings = [_unknown(conn, name, use, sorted(known)) for name, use in unknown.items()]
    asked = {name: use for name, use in uses.items() if name not in unknown}
    for person in people:
        _look(person, asked, definition.language)
    many = Many(len(people), whole)
    warnings += [many.odd(name, use) for name, use in asked.items() if use.odd]
    notes = [many.missing(name, use) for name, use in asked.items() if use.missing and use.fallback is not None]
    return Findings(tuple(warnings), tuple(notes))


@dataclass(frozen=True, slots=True)
class Many:
    """Words for a number of the contacts that were looked at."""

    number: int
    whole: bool

    def of(self, count: int) -> str:
        """Return ``17 of 302``."""
        text = Message("{count} of {number}") if self.whole else Message("{count} of the first {number}")
        return text.format(count=count, number=self.number)

    def missing(self, name: str, use: ColumnReference) -> str:
        """Return how many contacts read the fallback."""
        text = (
            Message("People without {name}: {people}. They read “{fallback}”.")
            if use.fallback
            else Message("People without {name}: {people}.")
        )
        return text.format(people=self.of(use.missing), name=name, fallback=use.fallback)

    def odd(self, name: str, use: ColumnReference) -> Fault:
        """Return the fault for contacts with a value of the wrong kind."""
        value, email = use.odd[0]
        kinds = {"number": Message("a number"), "date": Message("a day"), "address": Message("an address")}
        found = Message("a {name} such as “{value}” ({email}), people: {people}")
        hints = {"address": Message("They get the fallback instead, or the text without a link.")}
        hint = hints.get(use.kind) or Message("It is printed as it stands. Mend the list, and import it again.")
        return Fault(
            use.where.file,
            use.where.line,
            use.where.field,
            found.format(people=self.of(len(use.odd)), name=name, value=value[:40], email=email),
            kinds[use.kind],
            hint,
            "warning",
        )


def _unknown(conn: Connection, name: str, use: ColumnReference, known: Sequence[str]) -> Fault:
    others = contacts.having(conn, name)
    if others:
        hint = Message("People outside this topic have one.")
    else:
        lower = {other.lower(): other for other in known}
        near = similar.nearest(name.lower(), lower)
        hint = (
            Message("Did you mean {word}?", word=f"contact.{lower[near[0]]}")
            if near
            else Message("Known names: {names}", names=", ".join(known[:30]))
        )
    found, expected = (
        Message("contact.{name}, which nobody in this topic has"),
        Message("a column of the people it goes to"),
    )
    where = use.where
    return Fault(where.file, where.line, where.field, found.format(name=name), expected, hint, "warning")


def _people(conn: Connection, topic: str) -> list[Contact]:
    found: list[Contact] = []
    while len(found) < MOST:
        page = contacts.audience_page(conn, topic, found[-1].id if found else 0, PAGE)
        found += page
        if len(page) < PAGE:
            break
    return found


def _look(person: Contact, uses: Mapping[str, ColumnReference], language: str) -> None:
    values = person.values()
    for name, use in uses.items():
        value = values.get(name)
        if not (value.strip() if isinstance(value, str) else value):
            use.missing += 1
        elif isinstance(value, str) and use.kind and not _READ[use.kind](value, language):
            use.odd.append((value, person.email))


def _is_number(value: str, language: str) -> bool:
    return as_number(value, language) is not None


_READ: Mapping[str, Callable[[str, str], object]] = {
    "number": _is_number,
    "date": as_date,
    "address": lambda value, _language: of_value(value),
}


def _uses(definition: Definition) -> dict[str, ColumnReference]:
    """Return the columns that a letter names, by name, in its order."""
    found: dict[str, ColumnReference] = {}
    parts = [(key, getattr(definition, key), definition.lines.get(key, 0)) for key in ("subject", "preheader")]
    for key, text, line in (*parts, ("body", definition.body, definition.body_line)):
        before = ""
        for piece in scan(text, file=definition.file, first_line=line, field=key).pieces:
            if isinstance(piece, Tag) and piece.source:
                where = Fault(definition.file, piece.line, key, "", "")
                for name, fallback, kind in _named(piece, before):
                    use = found.setdefault(name, ColumnReference(where))
                    use.fallback = fallback if use.fallback is None else use.fallback
                    use.kind = use.kind or kind
            before = piece.text[-40:] if isinstance(piece, Text) else ""
    return found


def _named(tag: Tag, before: str) -> Iterator[tuple[str, str | None, str]]:
    """Yield the names of a tag, each with the fallback that is printed and the kind that it is read as."""
    try:
        node = parse(tag.source, None)
    except FaultsError:
        return
    kind = "address" if tag.kind == "slot" and _BEGINS_ADDRESS.search(before) else ""
    for name in names(node):
        if name.root == "contact":
            fallback, read = _wrapped(node, name) if tag.kind == "slot" else (None, "")
            yield name.attribute, fallback, read or kind


def _wrapped(node: Node, name: Name) -> tuple[str | None, str]:
    """Return the fallback that the filters around a name give, and the type that they read."""
    fallback, kind = None, ""
    while isinstance(node, Filter):
        if node.name == "default" and node.arguments and isinstance(node.arguments[0], Constant):
            fallback = str(node.arguments[0].value)
        elif node.name in ("number", "date"):
            kind = node.name
        node = node.inner
    return (fallback, kind) if node == name else (None, "")
