"""Contacts: find, add, change. SQL on the table ``contact``, one function for each operation.

Each function takes the caller's connection; the caller owns the transaction. Raises ``AddressError`` for an address
that cannot be used; storage errors are mapped by ``mailer.storage``. Success of :func:`add` does not subscribe the
contact to any topic.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Union

from sqlalchemy import Connection, Row, Select, delete, or_, select, update

from mailer.address import Address, mask, parse
from mailer.columns import insert_into, json_object
from mailer.prepared_statements import PreparedStatement, given_numbers, instant
from mailer.signing import address_hash
from unsubscribe.contacts.tables import CONTACT
from unsubscribe.typed_text import apart

Attribute = Union[str, tuple[str, ...]]
quote = json.encoder.encode_basestring
_MANY = 500  # bound parameters of one statement; SQLite's limit is 32766, short statements are cached better
_TWIN = " #"  # no address has a space and this sign after its domain
_COLUMNS = (
    CONTACT.c.id,
    CONTACT.c.email,
    CONTACT.c.email_key,
    CONTACT.c.address_hash,
    CONTACT.c.domain,
    CONTACT.c.name,
    CONTACT.c.language,
    CONTACT.c.attributes,
    CONTACT.c.own_fields,
    CONTACT.c.created_at,
    CONTACT.c.updated_at,
)


def _these(dialect: str) -> Select[Any]:
    return select(*_COLUMNS).where(CONTACT.c.id.in_(given_numbers(dialect)))


_THESE = PreparedStatement(_these)
_THESE_LOCKED = PreparedStatement(lambda dialect: _these(dialect).order_by(CONTACT.c.id).with_for_update())


_LETTER_COLUMNS = (
    CONTACT.c.id,
    CONTACT.c.email,
    CONTACT.c.name,
    CONTACT.c.language,
    CONTACT.c.attributes,
    CONTACT.c.own_fields,
)
_FOR_LETTERS = PreparedStatement(
    lambda dialect: select(*_LETTER_COLUMNS).where(CONTACT.c.id.in_(given_numbers(dialect)))
)
_LOCK = PreparedStatement(
    lambda dialect: (
        select(CONTACT.c.id).where(CONTACT.c.id.in_(given_numbers(dialect))).order_by(CONTACT.c.id).with_for_update()
    )
)


@dataclass(frozen=True, slots=True)
class Contact:
    """A person as stored: ``email`` as given, ``key`` to compare by, ``own_fields``: the names they set themselves."""

    id: int
    email: str
    key: str
    address_hash: bytes = field(repr=False)
    domain: str
    name: str
    language: str
    attributes: Mapping[str, Attribute]
    own_fields: frozenset[str]
    created_at: datetime
    updated_at: datetime
    broken: str = ""  # attributes text that is not our JSON; attributes are then empty, and the row keeps the text

    @property
    def masked(self) -> str:
        """Return the masked address, which the holder of a link may see."""
        return mask(self.email)

    def values(self) -> dict[str, object]:
        """Return the values of contact tags: ``contact.email``, ``.name``, ``.language`` and the attributes.

        Values that the reader typed are made harmless (:mod:`unsubscribe.typed_text`).
        """
        lists = {name: list(value) if isinstance(value, tuple) else value for name, value in self.attributes.items()}
        known: dict[str, object] = {**lists, "email": self.email}
        known |= {"name": self.name or None, "language": self.language or None}
        return _harmless(known, self.own_fields) if self.own_fields else known


@dataclass(frozen=True, slots=True)
class Person:
    """The data of a person without a row yet: the fields that :func:`add` stores."""

    email: str
    name: str = ""
    language: str = ""
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


def dump_attributes(attributes: Mapping[str, Attribute]) -> str:
    """Return canonical JSON; equal attributes give equal text."""
    return dump_json(dict(sorted(attributes.items()))) if attributes else "{}"


def dump_json(values: Mapping[str, Attribute]) -> str:
    """Return JSON of texts and lists of texts, in order: as ``json.dumps`` without spaces, in a third of the time."""
    parts = [
        f"{quote(name)}:{quote(value)}" if isinstance(value, str) else f"{quote(name)}:[{','.join(map(quote, value))}]"
        for name, value in values.items()
    ]
    return f"{{{','.join(parts)}}}"


def load_attributes(text: str) -> dict[str, Attribute]:
    """Return the attributes in the text that :func:`dump_attributes` wrote.

    Empty for a text that another program has broken.
    """
    items = _parsed(text)
    return {name: tuple(value) if isinstance(value, list) else value for name, value in (items or {}).items()}


def _parsed(text: str) -> dict[str, Any] | None:
    """Parse JSON of texts and lists of texts; return None for anything else."""
    if text in ("{}", ""):
        return {}
    items = json_object(text)
    if items is None:
        return None
    for value in items.values():
        if value.__class__ is not str and not _is_list(value):
            return None
    return items


def _is_list(value: object) -> bool:
    return isinstance(value, list) and all(type(item) is str for item in value)


def contact_of(row: Row[*tuple[Any, ...]] | Sequence[Any]) -> Contact:
    """Return a row that begins with the columns of :func:`contact_columns` as a value."""
    number, email, key, hashed, domain, name, language, attributes, own, created_at, updated_at = row[:11]
    loaded = load_attributes(attributes)
    broken = attributes if not loaded and _parsed(attributes) is None else ""
    fields = frozenset(own.split())
    return Contact(number, email, key, hashed, domain, name, language, loaded, fields, created_at, updated_at, broken)


def contact_columns() -> tuple[Any, ...]:
    """Return the columns that :func:`contact_of` reads, in its order."""
    return _COLUMNS


def get(conn: Connection, contact_id: int) -> Contact | None:
    """Return the contact with that number, or None when it never existed or was erased."""
    row = conn.execute(select(*_COLUMNS).where(CONTACT.c.id == contact_id)).first()
    return contact_of(row) if row else None


def get_many(conn: Connection, contact_ids: Iterable[int], *, lock: bool = False) -> dict[int, Contact]:
    """Return the contacts with those numbers; erased ones are missing. ``lock``: others wait until we commit."""
    found: dict[int, Contact] = {}
    for some in in_slices(sorted(set(contact_ids))):
        for row in (_THESE_LOCKED if lock else _THESE).run(conn, {"b_ids": json.dumps(some)}):
            found[row[0]] = contact_of((*row[:9], instant(row[9]), instant(row[10])))
    return found


def lock(conn: Connection, contact_ids: Iterable[int]) -> None:
    """Lock these contacts against changes by others until we commit. SQLite's write lock holds all others anyway."""
    if conn.dialect.name != "sqlite":
        _LOCK.run(conn, {"b_ids": json.dumps(sorted(contact_ids))})


def letter_values(conn: Connection, contact_ids: Iterable[int]) -> dict[int, tuple[str, dict[str, object]] | None]:
    """Return name and :meth:`Contact.values` of the existing contacts, read as a letter needs them: 4 us each.

    None for a contact whose row cannot be read: attributes that are not our JSON, bytes that are not text.
    """
    wanted = list(contact_ids)
    try:
        rows = _FOR_LETTERS.run(conn, {"b_ids": json.dumps(wanted)}).fetchall()
    except sqlite3.OperationalError as error:
        if "decode" not in str(error):
            raise
        if len(wanted) == 1:
            return {wanted[0]: None}
        return {number: values for one in wanted for number, values in letter_values(conn, [one]).items()}
    found: dict[int, tuple[str, dict[str, object]] | None] = {}
    for number, email, name, language, attributes, own in rows:
        items = _parsed(attributes)
        if items is None:
            found[number] = None
            continue
        values: dict[str, object] = {**items, "email": email, "name": name or None, "language": language or None}
        if own:
            values = _harmless(values, own.split())
        found[number] = str(values["name"] or ""), values
    return found


def _harmless(values: dict[str, object], own: Iterable[str]) -> dict[str, object]:
    """Return the values in a form safe for a letter: text that was typed on a page contains no link."""
    typed = {name: text for name in own if isinstance(text := values.get(name), str)}
    return values | {name: apart(text) for name, text in typed.items()}


def find(conn: Connection, email: str) -> Contact | None:
    """Return the contact with that address in any case; raises ``AddressError``."""
    row = conn.execute(select(*_COLUMNS).where(CONTACT.c.email_key == parse(email).key)).first()
    return contact_of(row) if row else None


def add(conn: Connection, person: Person, pepper: bytes, now: datetime) -> Contact:
    """Store a person, or return the contact that already has this address, unchanged. Raises ``AddressError``."""
    address = parse(person.email)
    row = row_of(person, address, pepper, now)
    conn.execute(insert_into(conn, CONTACT).values(row).on_conflict_do_nothing(index_elements=["email_key"]))
    found = conn.execute(select(*_COLUMNS).where(CONTACT.c.email_key == address.key)).one()
    return contact_of(found)


def row_of(person: Person, address: Address, pepper: bytes, now: datetime) -> dict[str, object]:
    """Return a person as a row of ``contact``, for INSERT."""
    key = address.key
    return {
        "email": str(address),
        "email_key": key,
        "address_hash": address_hash(pepper, key),
        "domain": address.domain,
        "name": person.name,
        "language": person.language,
        "attributes": dump_attributes(person.attributes),
        "own_fields": "",
        "created_at": now,
        "updated_at": now,
    }


def change(conn: Connection, contact: Contact, now: datetime, **fields: Any) -> Contact:
    """Store other values of ``name``, ``language``, ``attributes`` or ``own_fields``; returns the contact as it is."""
    changed = replace(contact, updated_at=now, **fields)
    values = {
        "name": changed.name,
        "language": changed.language,
        "own_fields": " ".join(sorted(changed.own_fields)),
        "updated_at": now,
    }
    if not contact.broken:  # attributes that cannot be read are not overwritten
        values["attributes"] = dump_attributes(changed.attributes)
    conn.execute(update(CONTACT).where(CONTACT.c.id == contact.id).values(values))
    return changed


def change_address(conn: Connection, contact: Contact, email: str, pepper: bytes, now: datetime) -> Contact:
    """Give a contact another address. Raises ``AddressError``; the caller checks that the address is not taken."""
    address = parse(email)
    hashed = address_hash(pepper, address.key)
    fields: dict[str, Any] = {
        "email": str(address),
        "address_hash": hashed,
        "domain": address.domain,
        "updated_at": now,
    }
    conn.execute(update(CONTACT).where(CONTACT.c.id == contact.id).values(email_key=address.key, **fields))
    return replace(contact, key=address.key, **fields)


def oddly_spelled(conn: Connection) -> list[Contact]:
    """Return the contacts whose address may have another spelling: quoted, or beyond ASCII; one pass over all."""
    row = CONTACT.c
    beyond = row.email.op("GLOB")("*[^ -~]*") if conn.dialect.name == "sqlite" else row.email.op("~")("[^ -~]")
    query = select(*_COLUMNS).where(or_(row.email.startswith('"'), beyond)).order_by(row.id)
    return [contact_of(found) for found in conn.execute(query)]


def respell(conn: Connection, contact: Contact, address: Address, hashed: bytes, *, twin: bool) -> None:
    """Store the canonical spelling; ``twin``: another row has that key, so this one gets a key that no address has."""
    key = f"{address.key}{_TWIN}{contact.id}" if twin else address.key
    fields = {"email": str(address), "email_key": key, "address_hash": hashed, "domain": address.domain}
    conn.execute(update(CONTACT).where(CONTACT.c.id == contact.id).values(fields))


def twins(conn: Connection, contact: Contact) -> list[int]:
    """Return the numbers of other rows for the same mailbox (:func:`respell`); usually none."""
    key = CONTACT.c.email_key if conn.dialect.name == "sqlite" else CONTACT.c.email_key.collate("C")
    first = contact.key.partition(_TWIN)[0]
    same = or_(CONTACT.c.email_key == first, (key > first + _TWIN) & (key < f"{first}{_TWIN}:"))
    query = select(CONTACT.c.id).where(same, CONTACT.c.id != contact.id)
    return list(conn.execute(query.order_by(CONTACT.c.id)).scalars())


def remove(conn: Connection, contact_id: int) -> None:
    """Delete the row of a contact, and with it the subscriptions. Part of an erasure: see ``unsubscribe.erasing``."""
    conn.execute(delete(CONTACT).where(CONTACT.c.id == contact_id))


def emails_of(conn: Connection, hashes: Select[Any]) -> dict[bytes, str]:
    """Return the addresses for the hashes of a query, in one pass over all contacts; unknown hashes are missing."""
    row = CONTACT.c
    found = conn.execute(select(row.address_hash, row.email).where(row.address_hash.in_(hashes)))
    return {bytes(hashed): email for hashed, email in found}


def everyone(conn: Connection, after_id: int = 0, limit: int = 1000) -> list[Contact]:
    """Return a page of all contacts by number, those after ``after_id``."""
    query = select(*_COLUMNS).where(CONTACT.c.id > after_id).order_by(CONTACT.c.id).limit(limit)
    return [contact_of(row) for row in conn.execute(query)]


def in_slices(items: Sequence[Any], size: int = _MANY) -> Iterator[Sequence[Any]]:
    """Yield the items in slices of at most ``size``: one statement with a list of values for each."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
