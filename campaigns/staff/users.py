"""Staff users: the only module for the tables ``staff_user`` and ``staff_address``.

Promises: addresses are compared in lower case. A removed user can do nothing and keeps its row, so that the audit trail
still has a name; the same address may be invited again. Functions take the caller's connection. Raises ``InputError``
for an address that is invalid or taken, and for a user that does not exist.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, Row, Table, Text, delete, insert, select, update
from sqlmodel import Field, SQLModel

from campaigns.staff import mails, passwords
from campaigns.staff.rights import WITH_SECOND_FACTOR, Right, Role, rights_of, role
from mailer.address import Address, key_of, parse
from mailer.columns import NUMBER, Instant, insert_into
from mailer.errors import AddressError, InputError
from mailer.messages import Message

ROLES = tuple(each.value for each in Role)
GRACE = timedelta(days=7)  # how long a new sender or administrator may work without a second factor
LOOKS = ("auto", "light", "dark")


class StaffUserRow(SQLModel, table=True):
    """A staff user. ``roles`` and ``mails``: words with spaces between. ``totp``: the sealed secret, "" for none."""

    __tablename__ = "staff_user"
    __table_args__: Any = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, sa_column=Column(NUMBER, primary_key=True, autoincrement=True))
    email: str = Field(sa_column=Column(Text, nullable=False))
    email_key: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    name: str = Field(default="", sa_column=Column(Text, nullable=False))
    password_hash: str = Field(sa_column=Column(Text, nullable=False))
    created_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    changed_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    roles: str = Field(sa_column=Column(Text, nullable=False, server_default=""))
    language: str = Field(sa_column=Column(Text, nullable=False, server_default=""))
    look: str = Field(sa_column=Column(Text, nullable=False, server_default="auto"))
    mails: str = Field(sa_column=Column(Text, nullable=False, server_default=""))
    totp: str = Field(sa_column=Column(Text, nullable=False, server_default=""))
    totp_step: int = Field(sa_column=Column(NUMBER, nullable=False, server_default="0"))
    totp_since: datetime | None = Field(default=None, sa_column=Column(Instant, nullable=True))
    verified_at: datetime | None = Field(default=None, sa_column=Column(Instant, nullable=True))
    removed_at: datetime | None = Field(default=None, sa_column=Column(Instant, nullable=True))


class StaffAddressRow(SQLModel, table=True):
    """A further address of a user, for test mails; usable once it was verified by a link."""

    __tablename__ = "staff_address"

    user_id: int = Field(sa_column=Column(NUMBER, primary_key=True, autoincrement=False))
    email_key: str = Field(sa_column=Column(Text, primary_key=True))
    email: str = Field(sa_column=Column(Text, nullable=False))
    verified_at: datetime | None = Field(default=None, sa_column=Column(Instant, nullable=True))


STAFF_USER: Table = SQLModel.metadata.tables["staff_user"]
STAFF_ADDRESS: Table = SQLModel.metadata.tables["staff_address"]


@dataclass(frozen=True, slots=True)
class User:
    """A staff user. ``language``: "" until chosen. ``mails``: the kinds of staff mail that the user wants."""

    id: int
    email: str
    name: str
    roles: tuple[Role, ...]
    language: str
    look: str
    mails: frozenset[str]
    has_password: bool
    has_totp: bool
    created_at: datetime
    verified_at: datetime | None
    removed_at: datetime | None

    @property
    def rights(self) -> frozenset[Right]:
        """The rights of the user's roles together; none for a removed user."""
        return frozenset() if self.removed_at else rights_of(self.roles)

    @property
    def shown(self) -> str:
        """The name that colleagues see; the address where there is none."""
        return self.name or self.email

    @property
    def second_factor_from(self) -> datetime | None:
        """When the user needs a second factor, which is not switched on; None for never."""
        needed = WITH_SECOND_FACTOR & set(self.roles)
        return self.created_at + GRACE if needed and not self.has_totp else None

    def may(self, right: Right) -> bool:
        """Return whether the user has a right."""
        return right in self.rights


def add(conn: Connection, email: str, name: str, roles: Iterable[str], password: str, now: datetime) -> int:
    """Add a user with a password; return its number. Raises ``InputError``."""
    wanted = named_roles(roles)
    address = free_address(conn, email)
    passwords.refuse(password, (str(address), name))
    number = _add(conn, address, name, wanted, now)
    set_password(conn, number, passwords.hashed(password), now)
    return number


def invite(conn: Connection, email: str, name: str, roles: Iterable[str], now: datetime, language: str = "") -> int:
    """Add a user without a password, who gets in by a link; return its number. Raises ``InputError``."""
    wanted = named_roles(roles)
    return _add(conn, free_address(conn, email), name, wanted, now, language)


def _add(
    conn: Connection, address: Address, name: str, roles: tuple[Role, ...], now: datetime, language: str = ""
) -> int:
    row: dict[str, Any] = {
        "email": str(address),
        "email_key": address.key,
        "name": name,
        "roles": " ".join(roles),
        "language": language,
        "mails": " ".join(sorted(mails.first_choice(roles))),
        "password_hash": "",
        "created_at": now,
        "changed_at": now,
    }
    known = conn.execute(select(STAFF_USER.c.id).where(STAFF_USER.c.email_key == address.key)).scalar()
    if known is None:
        made = conn.execute(insert(STAFF_USER).values(row)).inserted_primary_key
        return int(made[0])  # type: ignore[index]
    fresh = {"removed_at": None, "totp": "", "totp_step": 0, "totp_since": None, "verified_at": None}
    conn.execute(update(STAFF_USER).where(STAFF_USER.c.id == known).values(**row, **fresh))
    return int(known)


def named_roles(names: Iterable[str]) -> tuple[Role, ...]:
    """Return the roles with these names, in their order, each once. Raises ``InputError`` for an unknown one."""
    found = set()
    for name in names:
        known = role(name)
        if known is None:
            said = Message("{role} is not a role; expected one of {words}")
            raise InputError(said.format(role=repr(name), words=", ".join(ROLES)))
        found.add(known)
    return tuple(each for each in Role if each in found)


def free_address(conn: Connection, email: str) -> Address:
    """Return the address of a new user; raises ``InputError`` when it is invalid or taken.

    Called first, so that no further question is asked for such an address.
    """
    address = parse(email)
    here = (STAFF_USER.c.email_key == address.key) & STAFF_USER.c.removed_at.is_(None)
    if conn.execute(select(STAFF_USER.c.id).where(here)).first():
        raise InputError(Message("{email} is a user already", email=address))
    return address


def find(conn: Connection, email: str) -> User | None:
    """Return the user with that address, who was not removed; None for none, and for a text that is no address."""
    try:
        key = key_of(email)
    except AddressError:
        return None
    return _first(conn, (STAFF_USER.c.email_key == key) & STAFF_USER.c.removed_at.is_(None))


def named(conn: Connection, email: str) -> User:
    """Return the same; raises ``InputError`` where there is none."""
    found = find(conn, email)
    if found is None:
        raise InputError(Message("{email} is not a user", email=email))
    return found


def get(conn: Connection, number: int) -> User:
    """Return the user with that number, a removed one too. Raises ``InputError``."""
    found = _first(conn, STAFF_USER.c.id == number)
    if found is None:
        raise InputError(Message("there is no such user"))
    return found


def everybody(conn: Connection) -> list[User]:
    """Return all users that were not removed, by name."""
    here = select(STAFF_USER).where(STAFF_USER.c.removed_at.is_(None))
    found = [_user(row) for row in conn.execute(here)]
    return sorted(found, key=lambda user: (user.shown.casefold(), user.id))


def names(conn: Connection) -> dict[int, str]:
    """Return the name of each user by number, removed ones too: for lists that say who did what."""
    return {row.id: row.name or row.email for row in conn.execute(select(STAFF_USER))}


def wanting(conn: Connection, kind: mails.StaffMail) -> list[User]:
    """Return the users who get a mail of that kind: by their choice, their rights, and a verified address."""
    return [user for user in everybody(conn) if wants(user, kind)]


def wants(user: User, kind: mails.StaffMail) -> bool:
    """Return whether a user gets a mail of that kind; one about the own account goes to every user."""
    if user.removed_at is not None:
        return False
    needed = mails.NEEDED.get(kind)
    return needed is None or (user.may(needed) and kind.value in user.mails and user.verified_at is not None)


def with_right(conn: Connection, right: Right) -> list[User]:
    """Return the users that have a right."""
    return [user for user in everybody(conn) if user.may(right)]


def has_administrator(conn: Connection) -> bool:
    """Return whether somebody can administer: a user with that role and a password."""
    return any(Role.ADMINISTRATOR in user.roles and user.has_password for user in everybody(conn))


def password_hash(conn: Connection, number: int) -> str:
    """Return the hash of a user's password; "" for none yet."""
    return conn.execute(select(STAFF_USER.c.password_hash).where(STAFF_USER.c.id == number)).scalar() or ""


def set_password(conn: Connection, number: int, kept: str, now: datetime) -> None:
    """Keep the hash of a new password."""
    change(conn, number, now, password_hash=kept)


def change(conn: Connection, number: int, now: datetime, **values: Any) -> None:
    """Change columns of a user. The caller names columns, never a form."""
    conn.execute(update(STAFF_USER).where(STAFF_USER.c.id == number).values(**values, changed_at=now))


def set_roles(conn: Connection, number: int, roles: Iterable[str], now: datetime) -> None:
    """Give a user these roles and no other. Raises ``InputError`` if nobody would be administrator any more."""
    wanted = named_roles(roles)
    if Role.ADMINISTRATOR not in wanted:
        _refuse_last(conn, number)
    change(conn, number, now, roles=" ".join(wanted))


def remove(conn: Connection, number: int, now: datetime) -> None:
    """Remove a user. Raises ``InputError`` for the last administrator."""
    _refuse_last(conn, number)
    conn.execute(delete(STAFF_ADDRESS).where(STAFF_ADDRESS.c.user_id == number))
    change(conn, number, now, removed_at=now, password_hash="", roles="", totp="", mails="")


def totp_of(conn: Connection, number: int) -> tuple[str, int]:
    """Return the sealed secret of the second factor ("" for none) and the last time step that was used."""
    row = conn.execute(select(STAFF_USER.c.totp, STAFF_USER.c.totp_step).where(STAFF_USER.c.id == number)).one()
    return row.totp, int(row.totp_step)


def use_totp_step(conn: Connection, number: int, step: int) -> bool:
    """Note that the code of a time step was used; False when it or a later one was before (RFC 6238 section 5.2)."""
    mine = (STAFF_USER.c.id == number) & (STAFF_USER.c.totp_step < step)
    return conn.execute(update(STAFF_USER).where(mine).values(totp_step=step)).rowcount == 1


def addresses(conn: Connection, user: User) -> list[str]:
    """Return the verified addresses of a user: where test mails may go."""
    mine = STAFF_ADDRESS.c.user_id == user.id
    query = select(STAFF_ADDRESS.c.email).where(mine, STAFF_ADDRESS.c.verified_at.is_not(None))
    own = [user.email] if user.verified_at else []
    return own + sorted(conn.execute(query).scalars())


def add_address(conn: Connection, number: int, email: str) -> Address:
    """Add a further address, not verified yet. Raises ``InputError`` for an invalid one."""
    address = parse(email)
    row = {"user_id": number, "email_key": address.key, "email": str(address), "verified_at": None}
    conn.execute(insert_into(conn, STAFF_ADDRESS).values(row).on_conflict_do_nothing())
    return address


def pending_addresses(conn: Connection, number: int) -> list[str]:
    """Return the further addresses of a user that are not verified yet."""
    mine = STAFF_ADDRESS.c.user_id == number
    query = select(STAFF_ADDRESS.c.email).where(mine, STAFF_ADDRESS.c.verified_at.is_(None))
    return sorted(conn.execute(query).scalars())


def drop_address(conn: Connection, number: int, email: str) -> bool:
    """Remove a further address of a user; return whether there was one."""
    try:
        key = key_of(email)
    except AddressError:
        return False
    mine = (STAFF_ADDRESS.c.user_id == number) & (STAFF_ADDRESS.c.email_key == key)
    return conn.execute(delete(STAFF_ADDRESS).where(mine)).rowcount == 1


def verify_address(conn: Connection, number: int, email: str, now: datetime) -> None:
    """Note that a user reads a mailbox: its own, or a further one."""
    key = key_of(email)
    own = (STAFF_USER.c.id == number) & (STAFF_USER.c.email_key == key)
    conn.execute(update(STAFF_USER).where(own).values(verified_at=now))
    mine = (STAFF_ADDRESS.c.user_id == number) & (STAFF_ADDRESS.c.email_key == key)
    conn.execute(update(STAFF_ADDRESS).where(mine).values(verified_at=now))


def _refuse_last(conn: Connection, number: int) -> None:
    here = select(STAFF_USER.c.id).where(STAFF_USER.c.removed_at.is_(None)).order_by(STAFF_USER.c.id)
    conn.execute(here.with_for_update()).all()  # two administrators may remove each other at the same moment
    others = [user for user in everybody(conn) if user.id != number and Role.ADMINISTRATOR in user.roles]
    mine = get(conn, number)
    if Role.ADMINISTRATOR in mine.roles and not any(user.has_password for user in others):
        raise InputError(Message("nobody would be administrator any more: give somebody else that role first"))


def _first(conn: Connection, condition: Any) -> User | None:
    row = conn.execute(select(STAFF_USER).where(condition)).first()
    return _user(row) if row else None


def _user(row: Row[Any]) -> User:
    return User(
        id=row.id,
        email=row.email,
        name=row.name,
        roles=tuple(each for each in Role if each in row.roles.split()),
        language=row.language,
        look=row.look,
        mails=frozenset(row.mails.split()),
        has_password=bool(row.password_hash),
        has_totp=bool(row.totp),
        created_at=row.created_at,
        verified_at=row.verified_at,
        removed_at=row.removed_at,
    )
