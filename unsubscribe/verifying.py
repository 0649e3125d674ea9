"""The proof of consent, read back and verified: a person's chain of events, and whether any part was changed.

Promises: :func:`verify` finds an event of :mod:`.consent` that was changed, removed or inserted. It also finds personal
data of an event that is missing without an erasure, and a subscription without its event. It changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, select

from mailer.columns import json_object
from mailer.messages import Message
from unsubscribe.consent import EVENT, STATEMENT, ConsentEventKind, ConsentStatement, genesis, public_part, stamp_of

What = Literal[
    "listed",
    "listed_consent",
    "listed_customer",
    "listed_member",
    "listed_public_task",
    "agreed",
    "chosen",
    "joined",
    "requested",
    "confirmed",
    "left",
    "left_elsewhere",
    "left_before",
    "left_restored",
    "stopped",
    "undone",
    "moved",
    "erased",
]


@dataclass(frozen=True, slots=True)
class ChainEvent:
    """An event as stored in a chain; ``detail`` is None when it was erased."""

    number: int
    kind: ConsentEventKind
    topic: str
    at: datetime
    recorded_at: datetime
    statement: ConsentStatement | None
    detail: Mapping[str, str] | None

    @property
    def what(self) -> What:
        """Return the kind of event in plain words: a contact's own consent differs from being put on a list."""
        how = (self.detail or {}).get("how", "")
        if self.kind == "given":
            return _given(self.statement.basis if self.statement else "", how)
        if self.kind == "withdrawn":
            elsewhere: What = "left_elsewhere" if "column" in (self.detail or {}) else "left_before"
            return elsewhere if how == "import" else _WITHDRAWN.get(how, "left")
        return _PLAIN[self.kind]


def _given(basis: str, how: str) -> What:
    if how.startswith("the same mailbox"):
        return "joined"
    if how == "change details":
        return "chosen"
    on_lists: dict[str, What] = {
        "consent": "listed_consent",
        "customer": "listed_customer",
        "member": "listed_member",
        "public_task": "listed_public_task",
    }
    listed = on_lists.get(basis, "listed")
    return "agreed" if how != "import" and listed == "listed_consent" else listed


_WITHDRAWN: Mapping[str, What] = {"staff": "stopped", "journal": "left_restored", "change details": "left"}
_PLAIN: Mapping[str, What] = {
    "requested": "requested",
    "confirmed": "confirmed",
    "undone": "undone",
    "address": "moved",
    "erased": "erased",
}


@dataclass(frozen=True, slots=True)
class Chain:
    """A person's events in order. ``fault``: the fault found in them (empty: none); ``erased_at``: set if erased."""

    contact_id: int
    entries: tuple[ChainEvent, ...]
    fault: str
    erased_at: datetime | None

    def as_json(self) -> dict[str, object]:
        """Return the chain for ``contacts consent --json``, and as the proof to hand over (D5)."""
        return {
            "intact": not self.fault,
            "fault": self.fault,
            "erased_at": self.erased_at.isoformat() if self.erased_at else None,
            "events": [_entry_json(entry) for entry in self.entries],
        }


def chain(conn: Connection, contact_id: int) -> Chain:
    """Return a person's events, verified. A person without events has an empty, valid chain."""
    query = select(EVENT, STATEMENT).join_from(EVENT, STATEMENT, STATEMENT.c.id == EVENT.c.statement, isouter=True)
    rows = conn.execute(query.where(EVENT.c.contact_id == contact_id).order_by(EVENT.c.number)).all()
    entries = tuple(_entry_of(row) for row in rows)
    erased = [entry.at for entry in entries if entry.kind == "erased"]
    return Chain(contact_id, entries, _fault(contact_id, rows, entries), erased[-1] if erased else None)


def verify(conn: Connection, contact_id: int, subscribed: Iterable[str]) -> Chain:
    """Return the chain, with a fault also when the person is subscribed to a topic without the event for it."""
    found = chain(conn, contact_id)
    last = {entry.topic: entry.kind for entry in found.entries if entry.topic}
    missing = sorted(topic for topic in subscribed if last.get(topic) not in ("given", "confirmed", "undone"))
    if found.fault or not missing:
        return found
    return Chain(
        contact_id,
        found.entries,
        Message("no consent on record for {topics}", topics=", ".join(missing)),
        found.erased_at,
    )


def _entry_of(row: Row[*tuple[Any, ...]]) -> ChainEvent:
    item = row._mapping
    statement = None
    if item[STATEMENT.c.id] is not None:
        statement = ConsentStatement(
            item[STATEMENT.c.basis],
            item[STATEMENT.c.source],
            item[STATEMENT.c.text],
            item[STATEMENT.c.version],
            item[STATEMENT.c.given_on],
        )
    detail = None if item[EVENT.c.detail] is None else json_object(item[EVENT.c.detail])
    kind, topic, at = item[EVENT.c.kind], item[EVENT.c.topic], item[EVENT.c.at]
    return ChainEvent(item[EVENT.c.number], kind, topic, at, item[EVENT.c.recorded_at], statement, detail)


def _fault(contact_id: int, rows: Sequence[Row[*tuple[Any, ...]]], entries: Sequence[ChainEvent]) -> str:
    """Return the fault of a chain; empty when it is in order."""
    link = genesis(contact_id)
    for place, (row, entry) in enumerate(zip(rows, entries, strict=True), start=1):
        item = row._mapping
        if entry.number != place:
            return Message("event {number} is missing", number=place)
        if (item[EVENT.c.salt] is None) != (item[EVENT.c.detail] is None):
            return Message("event {number} has lost a part", number=place)
        if item[EVENT.c.salt] is not None:
            digest = hashlib.sha256(item[EVENT.c.salt] + item[EVENT.c.detail].encode()).digest()
            if digest != item[EVENT.c.digest]:
                return Message("what stands beside event {number} was changed", number=place)
        elif not any(other.kind == "erased" for other in entries[place - 1 :]):
            return Message("what stood beside event {number} is gone, but the person was not erased", number=place)
        said = entry.statement.digest if entry.statement else b""
        public = public_part(
            entry.number, entry.kind, entry.topic, said, (stamp_of(entry.at), stamp_of(entry.recorded_at))
        )
        link = hashlib.sha256(link + public + item[EVENT.c.digest]).digest()
        if link != item[EVENT.c.link]:
            return Message("event {number} was changed", number=place)
    return ""


def _entry_json(entry: ChainEvent) -> dict[str, object]:
    said = asdict(entry.statement) if entry.statement else None
    times = {"at": entry.at.isoformat(), "recorded_at": entry.recorded_at.isoformat()}
    public = {"number": entry.number, "kind": entry.kind, "what": entry.what, "topic": entry.topic}
    return {**public, **times, "statement": said, "detail": dict(entry.detail) if entry.detail is not None else None}
