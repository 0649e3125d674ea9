"""The sentences that a page shows after an act, by key: an address never carries text to be shown.

``kind``: ``ok``, ``info`` or ``warn``, the colour of the note.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mailer.messages import Message


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence and its kind."""

    text: str
    kind: Literal["ok", "info", "warn"] = "ok"


NOTES: dict[str, Note] = {
    "signed_out": Note(Message("You have signed out.")),
    "session_ended": Note(Message("Your session has ended. Sign in to carry on."), "info"),
    "account_saved": Note(Message("Your account was saved.")),
    "password_changed": Note(Message("Your password was saved. Your other sessions have ended.")),
    "session_closed": Note(Message("That session has ended.")),
    "sessions_closed": Note(Message("All your other sessions have ended.")),
    "address_asked": Note(Message("We sent a mail to that address. Follow its link to confirm it.")),
    "address_removed": Note(Message("That address was removed.")),
    "second_factor_needed": Note(Message("With your role you need a second factor. Switch it on to carry on."), "warn"),
    "second_factor_off": Note(Message("The second factor is off. Your other sessions have ended.")),
    "roles_changed": Note(Message("The roles were changed.")),
    "factor_removed": Note(Message("The second factor of this person is off.")),
    "person_removed": Note(Message("That person can no longer sign in.")),
    "password_set": Note(Message("Your password was saved. Sign in with it.")),
}
