"""Staff users: the only module for the table ``staff_user``. The console will ask it; the command line fills it.

Promises: a password is kept as an Argon2id hash (E42) and nowhere else; addresses are compared in lower case. Raises
``InputError`` for a password that is too short, a user that exists already, or an invalid address.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Table, Text, insert, select, update
from sqlmodel import Field, SQLModel

from mailer.address import Address, key_of, parse
from mailer.columns import NUMBER, Instant
from mailer.errors import AddressError, InputError
from mailer.messages import Message

ROLES = ("admin", "author", "reviewer", "sender")
SHORTEST = 12


class StaffUserRow(SQLModel, table=True):
    """A person who may sign in to the console."""

    __tablename__ = "staff_user"
    __table_args__: Any = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, sa_column=Column(NUMBER, primary_key=True, autoincrement=True))
    email: str = Field(sa_column=Column(Text, nullable=False))
    email_key: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    name: str = Field(default="", sa_column=Column(Text, nullable=False))
    role: str = Field(sa_column=Column(Text, nullable=False))
    password_hash: str = Field(sa_column=Column(Text, nullable=False))
    created_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    changed_at: datetime = Field(sa_column=Column(Instant, nullable=False))


STAFF_USER: Table = SQLModel.metadata.tables["staff_user"]


def add(conn: Connection, email: str, name: str, role: str, password: str, now: datetime) -> None:
    """Add a user; raises ``InputError``."""
    from argon2 import PasswordHasher

    if role not in ROLES:
        said = Message("{role} is not a role; expected one of {words}")
        raise InputError(said.format(role=repr(role), words=", ".join(ROLES)))
    if len(password) < SHORTEST:
        raise InputError(
            Message(
                "expected a password of {shortest} characters or more; the length of this one is {number}",
                number=len(password),
                shortest=SHORTEST,
            )
        )
    address = free_address(conn, email)
    row = {"email": str(address), "email_key": address.key, "name": name, "role": role}
    hashed = {"password_hash": PasswordHasher().hash(password), "created_at": now, "changed_at": now}
    conn.execute(insert(STAFF_USER).values(row | hashed))


def free_address(conn: Connection, email: str) -> Address:
    """Return the address of a new user; raises ``InputError`` when it is invalid or taken.

    Called first, so that no further question is asked for such an address.
    """
    address = parse(email)
    if conn.execute(select(STAFF_USER.c.id).where(STAFF_USER.c.email_key == address.key)).first():
        raise InputError(Message("{email} is a user already", email=address))
    return address


def verify(conn: Connection, email: str, password: str, now: datetime) -> bool:
    """Return whether that user has that password; takes as long when there is no such user."""
    from argon2 import PasswordHasher
    from argon2.exceptions import Argon2Error

    hasher = PasswordHasher()
    try:
        key = key_of(email)
    except AddressError:
        key = ""  # of no user
    found = conn.execute(
        select(STAFF_USER.c.id, STAFF_USER.c.password_hash).where(STAFF_USER.c.email_key == key)
    ).first()
    try:
        hasher.verify(found.password_hash if found else _nobody(), password)
    except Argon2Error:
        return False
    if found and hasher.check_needs_rehash(found.password_hash):
        change = {"password_hash": hasher.hash(password), "changed_at": now}
        conn.execute(update(STAFF_USER).where(STAFF_USER.c.id == found.id).values(**change))
    return found is not None


def _nobody() -> str:
    """Return a hash that no password matches, of the same cost."""
    from argon2 import PasswordHasher

    return PasswordHasher().hash("nobody has this one")
