"""The links of a test mail: the pages that a reader would see, with a notice of the test and without any act.

Promises: a page of a test mail has ``trial`` in its context, so that :file:`base.html` says so. Nothing is stored, sent
or counted, by GET or by POST (List-Unsubscribe's one click too); the reader shown is not a real contact.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection
from starlette.responses import Response

from mailer.signing import Token
from unsubscribe import contacts
from unsubscribe.contacts import Contact, Topic
from unsubscribe.optout import Subscriber
from unsubscribe.tokens import trial_topic
from unsubscribe.web.context import WebContext
from unsubscribe.web.pages import View

_NOBODY = "reader@example.org"
CONTEXT: dict[str, object] = {"trial": True}


def trial_context(token: Token) -> dict[str, object]:
    """Return the context values for a page of a test mail; empty for a link of a letter."""
    return CONTEXT if trial_topic(token) is not None else {}


def look(conn: Connection, token: Token, now: datetime) -> tuple[Subscriber, Sequence[Topic]]:
    """Return a placeholder reader of the test mail, and the topics that the form would show."""
    found = contacts.topics(conn)
    topic = next((one for one in found if one.id == trial_topic(token)), None)
    nobody = Contact(0, _NOBODY, _NOBODY, b"", "example.org", "", "", {}, frozenset(), now, now)
    shown = [one for one in found if one.is_open or one == topic]
    return Subscriber(token, topic.slug if topic else "", nobody, topic, "on"), shown


def nothing_done(web: WebContext, view: View) -> Response:
    """Return the page after a button: nothing was changed."""
    _ = view.gettext
    told = _("A reader who uses this button sees here what was changed.")
    return web.done(view, _("Nothing was changed"), (told,), kind="info", trial=True)
