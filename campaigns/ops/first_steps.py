"""The first hour of an installation: the first administrator, and the steps until letters can be sent.

Promises: while there is no administrator, :func:`invitation` makes a link that works once, for an hour; an earlier one
stops working, and only its hash is kept (:mod:`campaigns.staff.links`). Once there is an administrator no such link
works, also one that was made before. Of two uses at once, one makes the administrator. Every step may be left out;
:func:`steps` says what is done by looking at the data itself, so that no mark can be wrong. Raises ``TokenError`` for a
link that does not work, ``InputError`` for an address or password that is refused.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, select

from campaigns.context import AppContext
from campaigns.lifecycle import records
from campaigns.settings import made_in_console, stored
from campaigns.staff import audit, links, passwords, users
from campaigns.staff.audit import Act, Origin, Verb
from campaigns.staff.links import LinkPurpose
from campaigns.staff.rights import Role
from mailer import settings_base
from mailer.errors import TokenError
from mailer.messages import Message
from unsubscribe import contacts
from unsubscribe.contacts.tables import CONTACT

StepKey = Literal["administrator", "organisation", "relay", "topic", "contacts", "test_mail"]
TEST_MAIL = "test_mail"  # the subject in the audit trail of a test message of the set-up
_INVITATION = Message("There is no administrator yet. Make the first one within an hour, with this link: {link}")


@dataclass(frozen=True, slots=True)
class FirstStep:
    """A step of the first hour, and whether it is done."""

    key: StepKey
    is_done: bool


@dataclass(frozen=True, slots=True)
class FirstAdministrator:
    """The typed values of the first administrator."""

    email: str
    name: str
    password: str = field(repr=False)
    language: str


def invitation(context: AppContext, here: str) -> Message | None:
    """Return the sentence with a new link, to be printed; None where there is an administrator.

    ``here``: the address at which this process listens, for an installation without a public address.
    """
    with context.db.read() as conn:
        if users.has_administrator(conn):
            return None
    with context.db.write() as conn:
        token = links.make(conn, LinkPurpose.SETUP, None, "", context.clock())
    public = context.reader.public_url if context.launch_config.url_is_set else here.rstrip("/")
    base = context.campaign.console_url or f"{public}/console"
    return _INVITATION.format(link=f"{base}/setup?token={token}")


def look_at_link(conn: Connection, token: str, now: datetime) -> None:
    """Raise ``TokenError`` for a link that does not work, or not any more."""
    if users.has_administrator(conn):
        raise TokenError("there is an administrator already")
    links.read(conn, LinkPurpose.SETUP, token, now)


def refuse(given: FirstAdministrator) -> None:
    """Raise ``InputError`` for a password that is refused, before any transaction."""
    passwords.refuse(given.password, (given.email, given.name))


def make_administrator(conn: Connection, token: str, given: FirstAdministrator, kept: str, now: datetime) -> int:
    """Use the link and make the administrator with the password that has the hash ``kept``; return its number."""
    if users.has_administrator(conn):
        raise TokenError("there is an administrator already")
    links.use(conn, LinkPurpose.SETUP, token, now)
    number = users.invite(conn, given.email, given.name, [Role.ADMINISTRATOR.value], now, given.language)
    users.set_password(conn, number, kept, now)
    return number


def steps(conn: Connection) -> list[FirstStep]:
    """Return the steps in their order."""
    kept = stored.everything(conn).keys()
    return [
        FirstStep("administrator", users.has_administrator(conn)),
        FirstStep("organisation", all(_is_set(name, kept) for name in ("organisation", "contact"))),
        FirstStep("relay", _is_set(made_in_console.RELAY[0], kept)),
        FirstStep("topic", bool(contacts.topics(conn))),
        FirstStep("contacts", conn.execute(select(CONTACT.c.id).limit(1)).first() is not None),
        FirstStep("test_mail", _has_tested(conn)),
    ]


def note_test_mail(conn: Connection, origin: Origin, now: datetime) -> None:
    """Note in the audit trail that a test message was accepted."""
    audit.record(conn, origin, Act(Verb.TEST, "setup", TEST_MAIL), now)


def _is_set(name: str, kept: Collection[str]) -> bool:
    return name in kept or settings_base.set_above([name]) is not None


def _has_tested(conn: Connection) -> bool:
    return bool(audit.acts(conn, kind="setup", subject=TEST_MAIL, most=1)) or bool(records.finished(conn, 1))
