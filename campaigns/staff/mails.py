"""The mails that staff get from Postiljon itself: which there are, which a person may leave out, and the first choice.

Promises: a mail about the person's own account cannot be left out. An unknown kind is in no choice. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from campaigns.staff.rights import Right, Role, rights_of


class StaffMail(StrEnum):
    """A kind of mail to staff; its value names the file of its text."""

    INVITATION = "invitation"
    RESET = "reset"
    ADDRESS = "address"
    SIGN_IN_LIMIT = "sign_in_limit"
    ACCOUNT_CHANGED = "account_changed"
    REVIEW_ASKED = "review_asked"
    APPROVED = "approved"
    RETURNED = "returned"
    HELD = "held"
    IN_DOUBT = "in_doubt"
    FINISHED = "finished"
    RELAY_AWAY = "relay_away"
    IMPORT_DONE = "import_done"


NEEDED: dict[StaffMail, Right] = {
    StaffMail.REVIEW_ASKED: Right.REVIEW,
    StaffMail.APPROVED: Right.READ,
    StaffMail.RETURNED: Right.READ,
    StaffMail.HELD: Right.READ,
    StaffMail.IN_DOUBT: Right.READ,
    StaffMail.FINISHED: Right.READ,
    StaffMail.RELAY_AWAY: Right.SEND,
    StaffMail.IMPORT_DONE: Right.CONTACTS,
}
"""The mails that a person chooses, each with the right that it needs."""
_FIRST: dict[Role, frozenset[StaffMail]] = {
    Role.AUTHOR: frozenset({StaffMail.APPROVED, StaffMail.RETURNED}),
    Role.REVIEWER: frozenset({StaffMail.REVIEW_ASKED}),
    Role.SENDER: frozenset(
        {StaffMail.HELD, StaffMail.IN_DOUBT, StaffMail.FINISHED, StaffMail.RELAY_AWAY, StaffMail.IMPORT_DONE}
    ),
    Role.ADMINISTRATOR: frozenset({StaffMail.HELD, StaffMail.RELAY_AWAY}),
}


def offered(roles: Iterable[Role]) -> tuple[StaffMail, ...]:
    """Return the mails that a person with these roles may choose, in their order."""
    rights = rights_of(roles)
    return tuple(kind for kind, right in NEEDED.items() if right in rights)


def first_choice(roles: Iterable[Role]) -> frozenset[StaffMail]:
    """Return the mails that a new person with these roles gets until they choose."""
    return frozenset().union(*(_FIRST[each] for each in roles))
