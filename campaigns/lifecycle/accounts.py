"""Accounts of staff: invite, join, reset, change roles, remove; for the console and the command line alike.

Promises: who loses or gets rights loses all sessions, in the same transaction; who is removed, links too. A change that
somebody else may have made is told to the owner by mail. An account that is asked for by a stranger causes the same
work, whether it exists or not. Passwords come in as hashes, since a hash takes too long for a transaction. Functions
take the caller's connection, which owns the transaction. Raises ``InputError`` (a taken address, the last
administrator) and ``TokenError`` for a link that does not work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from campaigns.lifecycle.staff_mail import StaffMailer
from campaigns.staff import links, sessions, totp, users
from campaigns.staff.links import Issued, LinkPurpose
from campaigns.staff.mails import StaffMail
from campaigns.staff.users import User
from mailer.errors import InputError, TokenError
from mailer.messages import Message


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A person to invite."""

    email: str
    name: str
    roles: Sequence[str]
    language: str = ""


def invite(conn: Connection, mailer: StaffMailer, person: Newcomer, now: datetime) -> tuple[User, Issued]:
    """Add a user without a password, and send the invitation; return both."""
    if not person.roles:
        raise InputError(Message("choose at least one role"))
    number = users.invite(conn, person.email, person.name, person.roles, now, person.language)
    user = users.get(conn, number)
    return user, invite_again(conn, mailer, user, now)


def invite_again(conn: Connection, mailer: StaffMailer, user: User, now: datetime) -> Issued:
    """Send the invitation once more; the earlier link stops working."""
    if user.has_password:
        raise InputError(Message("{name} has joined already", name=user.shown))
    return mailer.send_link(conn, StaffMail.INVITATION, user, user.email, now)


def invited(conn: Connection, token: str, now: datetime) -> User:
    """Return the person that an invitation is for. Reads only."""
    return _here(conn, links.read(conn, LinkPurpose.INVITATION, token, now))


def join(conn: Connection, token: str, name: str, kept: str, now: datetime) -> User:
    """Accept an invitation: the password is set, the address verified."""
    return _enter(conn, LinkPurpose.INVITATION, token, kept, now, {"name": name} if name else {})


def ask_reset(conn: Connection, mailer: StaffMailer, user: User | None, now: datetime) -> None:
    """Send a link to set a new password; for None the same work for nobody."""
    if user is None:
        mailer.pretend(conn, StaffMail.RESET, now)
    else:
        with conn.begin_nested():  # as for nobody
            mailer.send_link(conn, StaffMail.RESET, user, user.email, now)


def resetting(conn: Connection, token: str, now: datetime) -> User:
    """Return the user that a link to set a new password is for. Reads only."""
    return _here(conn, links.read(conn, LinkPurpose.RESET, token, now))


def reset(conn: Connection, token: str, kept: str, now: datetime) -> User:
    """Set a new password by a link: all sessions and links of the user end, the address is verified."""
    user = _enter(conn, LinkPurpose.RESET, token, kept, now, {})
    links.cancel(conn, user.id, now)
    return user


def set_password(conn: Connection, mailer: StaffMailer, user: User, kept: str, now: datetime) -> None:
    """Set a new password: all sessions and links end, and the owner is told."""
    users.set_password(conn, user.id, kept, now)
    _ended(conn, mailer, user, now)


def set_roles(conn: Connection, mailer: StaffMailer, user: User, roles: Sequence[str], now: datetime) -> bool:
    """Give a user these roles and no other; return whether that changed anything. All sessions of the user end."""
    if not roles:
        raise InputError(Message("choose at least one role"))
    if users.named_roles(roles) == user.roles:
        return False
    users.set_roles(conn, user.id, roles, now)
    if user.has_password:
        _ended(conn, mailer, user, now)
    return True  # a person who has not joined yet keeps the invitation


def switch_off(conn: Connection, mailer: StaffMailer, user: User, now: datetime) -> None:
    """Switch off the second factor of a user; the owner is told."""
    totp.switch_off(conn, user.id, now)
    mailer.send(conn, StaffMail.ACCOUNT_CHANGED, user, _occasion(user, now), now)


def remove(conn: Connection, user: User, now: datetime) -> None:
    """Remove a user, with sessions, links, second factor and further addresses."""
    users.remove(conn, user.id, now)
    totp.switch_off(conn, user.id, now)
    sessions.end_all(conn, user.id, now)
    links.cancel(conn, user.id, now)


def _ended(conn: Connection, mailer: StaffMailer, user: User, now: datetime) -> None:
    sessions.end_all(conn, user.id, now)
    links.cancel(conn, user.id, now)
    mailer.send(conn, StaffMail.ACCOUNT_CHANGED, user, _occasion(user, now), now)


def _enter(conn: Connection, purpose: LinkPurpose, token: str, kept: str, now: datetime, more: dict[str, str]) -> User:
    link = links.use(conn, purpose, token, now)
    user = _here(conn, link)
    users.change(conn, user.id, now, password_hash=kept, **more)
    users.verify_address(conn, user.id, link.email, now)
    sessions.end_all(conn, user.id, now)
    return users.get(conn, user.id)


def _here(conn: Connection, link: links.StaffLink) -> User:
    user = users.get(conn, link.user_id) if link.user_id is not None else None
    if user is None or user.removed_at is not None:
        raise TokenError("this link does not work (any more)")
    return user


def _occasion(user: User, now: datetime) -> str:
    return f"{user.id}-{int(now.timestamp())}"
