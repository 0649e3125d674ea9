"""Roles and rights: which role may do which acts. The one table that pages, routes and the command line ask.

Promises: rights of several roles add up; an unknown role gives no right. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Role(StrEnum):
    """The role of a staff user; a user may have several."""

    AUTHOR = "author"
    REVIEWER = "reviewer"
    SENDER = "sender"
    ADMINISTRATOR = "administrator"


class Right(StrEnum):
    """The right to a kind of act. ``READ`` is that of every user: campaigns, their previews and their numbers."""

    READ = "read"
    WRITE = "write"
    TEST = "test"
    REVIEW = "review"
    SEND = "send"
    CONTACTS = "contacts"
    PEOPLE = "people"
    SETTINGS = "settings"
    SUPPRESSION = "suppression"
    ERASE = "erase"
    AUDIT = "audit"


_RIGHTS: dict[Role, frozenset[Right]] = {
    Role.AUTHOR: frozenset({Right.READ, Right.WRITE, Right.TEST}),
    Role.REVIEWER: frozenset({Right.READ, Right.REVIEW}),
    Role.SENDER: frozenset({Right.READ, Right.TEST, Right.SEND, Right.CONTACTS}),
    Role.ADMINISTRATOR: frozenset(Right),
}
WITH_SECOND_FACTOR = frozenset({Role.SENDER, Role.ADMINISTRATOR})
"""Roles that need a second factor, a week after the account was made."""
_FORMER_NAMES = {"admin": Role.ADMINISTRATOR}


def role(name: str) -> Role | None:
    """Return the role with that name, also a former one (``admin``); None for any other text."""
    try:
        return _FORMER_NAMES.get(name) or Role(name)
    except ValueError:
        return None


def rights_of(roles: Iterable[Role]) -> frozenset[Right]:
    """Return the rights of these roles together."""
    return frozenset().union(*(_RIGHTS[each] for each in roles))


def roles_with(right: Right) -> tuple[Role, ...]:
    """Return the roles that give a right, in their order."""
    return tuple(each for each in Role if right in _RIGHTS[each])
