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
    "hour_saved": Note(Message("The hour was saved. Nothing is planned yet.")),
    "planned": Note(Message("Planned. Nothing has left yet.")),
    "sending": Note(Message("It is being sent.")),
    "taken_back": Note(Message("Taken back. Nothing was sent; the campaign is a draft again.")),
    "paused": Note(Message("Paused. Nothing more leaves until you carry on."), "info"),
    "resumed": Note(Message("We carry on where we were; nobody gets it twice.")),
    "stopped": Note(Message("Stopped. Nobody more gets this mail."), "info"),
    "decided_send_again": Note(Message("It is sent to them again.")),
    "decided_treat_as_sent": Note(Message("They are treated as sent.")),
    "sent_again": Note(Message("It is sent to these people again.")),
    "password_set": Note(Message("Your password was saved. Sign in with it.")),
}
