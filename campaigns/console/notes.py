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
    "settings_saved": Note(Message("Saved. It is used within some seconds.")),
    "administrator_made": Note(Message("You are the administrator. These steps lead to your first mail.")),
    "password_set": Note(Message("Your password was saved. Sign in with it.")),
}
