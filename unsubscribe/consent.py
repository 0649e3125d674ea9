"""Proof of consent (D5): contact, purpose, time, way and wording; one hash chain per person. Home of its tables.

Promises: events are only added. Each carries a salted digest of its personal part (the address, how, where). It also
carries a link over the previous link, its public part and that digest. So :func:`verify` finds an event that is
changed, removed or inserted. Erasing a person removes the personal part and its salt; the digests stay. The chain still
verifies, and says when it was erased. A text that an organisation shows to everybody (basis, source, the exact text and
its version) is a *statement*, stored once.

Not promised: a process that can write to the database can cut events off the *end* of a chain, or make a whole new one.
So :func:`verify` also compares the chain with the subscriptions; a backup or an export elsewhere is the witness.

Source: GDPR article 7(1), ACM on Daisycon (2014). Hash: SHA-256 (FIPS 180-4).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    bindparam,
    cast,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from mailer.columns import NUMBER, Instant, insert_into
from mailer.errors import InputError
from mailer.messages import Message
from mailer.prepared_statements import BulkInsert, PreparedStatement, given_numbers
from unsubscribe.contacts.bulk import bound, insert_rows
from unsubscribe.contacts.people import dump_json, in_slices, quote

Basis = Literal["consent", "customer", "member", "public_task"]
ConsentEventKind = Literal["given", "requested", "confirmed", "withdrawn", "undone", "address", "erased"]
BASES: tuple[Basis, ...] = ("consent", "customer", "member", "public_task")
_EVENT_COLUMNS = (
    "contact_id",
    "number",
    "kind",
    "topic",
    "statement",
    "at",
    "recorded_at",
    "detail",
    "salt",
    "digest",
    "link",
)
_GENESIS = b"postiljon consent v1\0"


class ConsentStatementRow(SQLModel, table=True):
    """The legal basis of subscriptions and its wording, shared by many people."""

    __tablename__ = "consent_statement"
    __table_args__: Any = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, sa_column=Column(NUMBER, primary_key=True, autoincrement=True))
    digest: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, unique=True))
    basis: str = Field(sa_column=Column(Text, nullable=False))
    source: str = Field(sa_column=Column(Text, nullable=False))
    text: str = Field(sa_column=Column(Text, nullable=False))
    version: str = Field(sa_column=Column(Text, nullable=False))
    given_on: str = Field(sa_column=Column(Text, nullable=False))


class ConsentEventRow(SQLModel, table=True):
    """One event of a person's chain. ``detail`` and ``salt`` are removed when the person is erased."""

    __tablename__ = "consent_event"
    __table_args__: Any = {"sqlite_with_rowid": False}

    contact_id: int = Field(sa_column=Column(NUMBER, primary_key=True, autoincrement=False))
    number: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    topic: str = Field(sa_column=Column(Text, nullable=False))
    statement: int = Field(sa_column=Column(NUMBER, nullable=False))
    at: datetime = Field(sa_type=Instant)
    recorded_at: datetime = Field(sa_type=Instant)
    detail: str | None = Field(default=None, sa_column=Column(Text))
    salt: bytes | None = Field(default=None, sa_column=Column(LargeBinary(16)))
    digest: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    link: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))


STATEMENT: Table = SQLModel.metadata.tables["consent_statement"]
EVENT: Table = SQLModel.metadata.tables["consent_event"]


@dataclass(frozen=True, slots=True)
class ConsentStatement:
    """Basis, where it comes from, the exact text shown with its version, the day if one was stated for all."""

    basis: Basis
    source: str = ""
    text: str = ""
    version: str = ""
    given_on: str = ""

    @property
    def digest(self) -> bytes:
        """SHA-256 of its canonical JSON."""
        return hashlib.sha256(_json(asdict(self)).encode()).digest()


@dataclass(frozen=True, slots=True)
class ConsentEvent:
    """A change in a person's consent. ``detail`` is personal: address, web address of the form, and so on."""

    contact_id: int
    kind: ConsentEventKind
    topic: str
    at: datetime
    statement: int = 0
    detail: Mapping[str, str] = field(default_factory=dict)


def make_statement(basis: str, source: str = "", given_on: str = "") -> ConsentStatement:
    """Return a statement for an import, checked: ``customer`` needs a source (D2). Raises ``InputError``."""
    if basis not in BASES:
        raise InputError(Message("--basis {basis}: expected one of {words}", basis=basis, words=", ".join(BASES)))
    if basis == "customer" and not source.strip():
        raise InputError(
            Message(
                "--basis customer needs --source: from which sale or service the addresses come, and that people could "
                "opt out when they gave them (Telecommunicatiewet 11.7)"
            )
        )
    return ConsentStatement(basis, " ".join(source.split()), given_on=given_on)


def store_statement(conn: Connection, statement: ConsentStatement) -> int:
    """Return the number of a statement, stored if it is new."""
    row = asdict(statement) | {"digest": statement.digest}
    conn.execute(insert_into(conn, STATEMENT).values(row).on_conflict_do_nothing(index_elements=["digest"]))
    number: int = conn.execute(select(STATEMENT.c.id).where(STATEMENT.c.digest == statement.digest)).scalar_one()
    return number


def shown_statements(conn: Connection) -> frozenset[int]:
    """Return the statements that contacts were shown, and so agreed to by their own act."""
    return frozenset(conn.execute(select(STATEMENT.c.id).where(STATEMENT.c.text != "")).scalars())


def record(conn: Connection, event: ConsentEvent, now: datetime) -> None:
    """Add one event to a person's chain."""
    record_many(conn, [event], now)


def record_first(conn: Connection, event: ConsentEvent, people: Sequence[tuple[int, str]], now: datetime) -> None:
    """Add the same first event for many people (number, address) without any event yet; ``event`` names no person."""
    digests = _statement_digests(conn, [event.statement]) if people else {0: b"", event.statement: b""}
    times = (stamp_of(event.at), stamp_of(now))
    public = public_part(1, event.kind, event.topic, digests[event.statement], times)
    said = (1, event.kind, event.topic, event.statement, bound(conn, event.at), bound(conn, now))
    salts = os.urandom(16 * len(people))
    sha256, rows = hashlib.sha256, []
    rest = dump_json(event.detail)[1:]
    rest = f",{rest}" if event.detail else rest
    for place, (number, address) in enumerate(people):
        salt = salts[16 * place : 16 * place + 16]
        detail = f'{{"address":{quote(address)}{rest}'
        digest = sha256(salt + detail.encode()).digest()
        rows.append((number, *said, detail, salt, digest, sha256(genesis(number) + public + digest).digest()))
    insert_rows(conn, EVENT, _EVENT_COLUMNS, rows)


def record_many(conn: Connection, events: Sequence[ConsentEvent], now: datetime) -> None:
    """Add events, each to the chain of its person, in the given order."""
    add(conn, chain_entries(conn, chain_ends(conn, {event.contact_id for event in events}), events, now))


@dataclass(frozen=True, slots=True)
class ChainEntries:
    """Events worked out as the next links of chains. ``after``: how many events each person had (0: none)."""

    after: Mapping[int, int]
    rows: Sequence[tuple[Any, ...]] = field(repr=False)


def chain_ends(conn: Connection, contact_ids: Collection[int]) -> dict[int, tuple[int, bytes]]:
    """Return number and link of each contact's last event; 0 and the start of the chain where there is none."""
    found = {person: (0, genesis(person)) for person in contact_ids}
    for some in in_slices(sorted(found)):
        for row in _CHAIN_ENDS.run(conn, {"b_ids": json.dumps(some)}):
            if row[1] > found[row[0]][0]:
                found[row[0]] = (row[1], row[2])
    return found


def chain_entries(
    conn: Connection, ends: Mapping[int, tuple[int, bytes]], events: Sequence[ConsentEvent], now: datetime
) -> ChainEntries:
    """Work out the entries that :func:`add` will write, after ``ends`` (:func:`chain_ends`). Reads only.

    For :func:`stale_contacts`, ``ends`` is read before anything else on which the events rest: on PostgreSQL each
    statement sees the data committed until then.
    """
    chains = dict(ends)
    digests = _statement_digests(conn, {event.statement for event in events}) if events else {}
    salts = os.urandom(16 * len(events))
    stamps = {at: (stamp_of(at), bound(conn, at)) for at in {event.at for event in events} | {now}}
    recorded, recorded_at = stamps[now]
    sha256, rows = hashlib.sha256, []
    for place, event in enumerate(events):
        number, link = chains[event.contact_id]
        salt = salts[16 * place : 16 * place + 16]
        detail = dump_json(event.detail)
        digest = sha256(salt + detail.encode()).digest()
        stamp, at = stamps[event.at]
        public = public_part(number + 1, event.kind, event.topic, digests[event.statement], (stamp, recorded))
        link = sha256(link + public + digest).digest()
        chains[event.contact_id] = (number + 1, link)
        said = (event.kind, event.topic, event.statement, at, recorded_at, detail, salt, digest, link)
        rows.append((event.contact_id, number + 1, *said))
    return ChainEntries({person: number for person, (number, _) in ends.items()}, rows)


def stale_contacts(conn: Connection, planned: ChainEntries) -> set[int]:
    """Return the contacts whose chain has changed since :func:`chain_ends`: their planned entries no longer fit.

    Every change of a subscription, an address or a person is an event, so all other contacts are unchanged.
    """
    if not planned.after:
        return set()
    found = _STALE_CONTACTS.run(conn, {"b_after": json.dumps(planned.after)}).fetchall()
    return {int(number) for (number,) in found}


def add(conn: Connection, planned: ChainEntries, but: Collection[int] = ()) -> None:
    """Write the links, except those of the people in ``but``. The database refuses a link that no longer fits."""
    _ADD.put(conn, [row for row in planned.rows if row[0] not in but])


_ADD = BulkInsert(EVENT, _EVENT_COLUMNS)


def erase(conn: Connection, contact_id: int, now: datetime) -> bytes:
    """Remove the personal data from a chain and record that; the digests stay. Return the link of that record."""
    record(conn, ConsentEvent(contact_id, "erased", "", now), now)
    conn.execute(update(EVENT).where(EVENT.c.contact_id == contact_id).values(detail=None, salt=None))
    return chain_ends(conn, [contact_id])[contact_id][1]


def drop(conn: Connection, contact_id: int) -> None:
    """Delete a chain whole: for a sign-up that was never confirmed, of which nothing may stay (D7)."""
    conn.execute(delete(EVENT).where(EVENT.c.contact_id == contact_id))


def count(conn: Connection) -> int:
    """Return the number of events."""
    return conn.execute(select(func.count()).select_from(EVENT)).scalar_one()


_CHAIN_ENDS = PreparedStatement(
    lambda dialect: select(EVENT.c.contact_id, EVENT.c.number, EVENT.c.link).where(
        EVENT.c.contact_id.in_(given_numbers(dialect))
    )
)


def _stale_contacts(dialect: str) -> Any:
    given: Any = bindparam("b_after", type_=String())
    pairs = func.json_each(given) if dialect == "sqlite" else func.jsonb_each_text(cast(given, JSONB))
    pair = pairs.table_valued("key", "value").c
    person, number = cast(pair.key, BigInteger), cast(pair.value, BigInteger)
    last = select(func.max(EVENT.c.number)).where(EVENT.c.contact_id == person).scalar_subquery()
    return select(person).where(func.coalesce(last, 0) != number)


_STALE_CONTACTS = PreparedStatement(_stale_contacts)


def _statement_digests(conn: Connection, numbers: Iterable[int]) -> dict[int, bytes]:
    known = tuple(number for number in numbers if number)
    rows = conn.execute(select(STATEMENT.c.id, STATEMENT.c.digest).where(STATEMENT.c.id.in_(known))) if known else ()
    return {0: b""} | {row[0]: row[1] for row in rows}


def genesis(contact_id: int) -> bytes:
    """Return the digest that the first link of a chain follows."""
    return hashlib.sha256(_GENESIS + str(contact_id).encode()).digest()


def public_part(number: int, kind: str, topic: str, statement: bytes, times: tuple[str, str]) -> bytes:
    """Return the part that is not personal, in one canonical form: none of the fields can contain a line break."""
    return f"{number}\n{kind}\n{topic}\n{statement.hex()}\n{times[0]}\n{times[1]}".encode()


def stamp_of(at: datetime) -> str:
    """Return a time as it is written in a link."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


_json = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
