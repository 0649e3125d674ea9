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
    "created": Note(Message("The draft is there. Begin with the text.")),
    "saved": Note(Message("Saved.")),
    "images_added": Note(Message("Saved, with the images.")),
    "image_removed": Note(Message("Saved, and the image was removed.")),
    "put_away": Note(Message("The draft was put away. It is no longer in the lists.")),
    "brought_back": Note(Message("The draft is back.")),
    "taken_over": Note(Message("The campaign is changed here from now on. Its file is refused.")),
    "version_back": Note(Message("That version is the present one again. The others are kept.")),
    "changed_meanwhile": Note(
        Message("Somebody saved this campaign meanwhile. Nothing was changed; look at it as it is now."), "warn"
    ),
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
    "settings_saved": Note(Message("Saved. It is used within some seconds.")),
    "administrator_made": Note(Message("You are the administrator. These steps lead to your first mail.")),
    "hour_saved": Note(Message("The hour was saved. Nothing is planned yet.")),
    "planned": Note(Message("Planned. Nothing has left yet.")),
    "sending": Note(Message("It is being sent.")),
    "taken_back": Note(Message("Taken back. Nothing was sent; the campaign is a draft again.")),
    "paused": Note(Message("Paused. Nothing more leaves until you carry on."), "info"),
    "resumed": Note(Message("We carry on where we were; nobody gets it twice.")),
    "stopped": Note(Message("Stopped. Nobody else will get this email."), "info"),
    "decided_waits": Note(Message("They are in the queue again. Nothing leaves until the campaign goes on."), "info"),
    "decided_send_again": Note(Message("It is sent to them again.")),
    "decided_treat_as_sent": Note(Message("They are treated as sent.")),
    "sent_again": Note(Message("It is sent to these people again.")),
    "password_set": Note(Message("Your password was saved. Sign in with it.")),
}
