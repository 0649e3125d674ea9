"""A request to the console as a handler sees it: the user, the form, words in the user's language, and ways to answer.

Promises: a page gets escaped values only, and a form token of its session. A link within the console begins with its
configured path. After an act the answer is a redirect (303), so that a reload repeats nothing; the sentence that the
next page shows is named by a key of :data:`NOTES`, never by text in the address.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from campaigns.console.context import PREFIX, Console
from campaigns.console.forms import Form
from campaigns.console.notes import NOTES
from campaigns.console.words import NAMES, Words
from campaigns.staff import audit
from campaigns.staff.audit import Act
from campaigns.staff.rights import Right
from campaigns.staff.sessions import StaffSession
from campaigns.staff.users import User
from mailer.control_characters import IN_TEXT
from mailer.errors import FaultsError, PostiljonError
from templates import console_assets, render_console, safe
from unsubscribe.web.context import WEB_WAITS

Handler = Callable[["Visit"], Response]


def form_token(token: str) -> str:
    """Return the token of a form for the secret in a cookie; "" for none."""
    return hmac.digest(token.encode(), b"postiljon form", hashlib.sha256).hex()[:32] if token else ""


@dataclass(frozen=True)
class Visit:
    """One request. ``token``: the secret of its cookie, "" for none. ``network``: where it came from."""

    console: Console
    request: Request
    form: Form
    words: Words
    now: datetime
    token: str
    origin: audit.Origin
    user: User | None = None
    session: StaffSession | None = None
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def me(self) -> User:
        """The user, on a route for signed-in users."""
        assert self.user is not None  # noqa: S101 - the routing has looked
        return self.user

    @property
    def path(self) -> Mapping[str, str]:
        """The parameters in the path."""
        found: Mapping[str, str] = self.request.path_params
        return found

    def query(self, name: str) -> str:
        """Return a parameter of the address on one line, cut to a sane length; "" for none."""
        return " ".join(IN_TEXT.sub("", self.request.query_params.get(name, "")).split())[:200]

    @property
    def is_fragment(self) -> bool:
        """Return whether htmx asks for a part of the page."""
        return self.request.headers.get("hx-request") == "true"

    def may(self, right: Right) -> bool:
        """Return whether the user has a right."""
        return self.user is not None and self.user.may(right)

    @property
    def csrf(self) -> str:
        """The token of a form: it follows from the secret in the cookie, which another site cannot read."""
        return form_token(self.token)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection for reading."""
        with self.console.db.read() as conn:
            yield conn

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield a connection for writing; gives up after the same time as a reader's request."""
        with self.console.db.write(WEB_WAITS) as conn:
            yield conn

    def record(self, conn: Connection, act: Act) -> None:
        """Add an act of this user to the audit trail, in the transaction of the act."""
        audit.record(conn, self.origin, act, self.now)

    def url(self, path: str, **query: str) -> str:
        """Return a path within the console (``/campaigns``) as a link for a page."""
        return self.console.url(path, **query)

    def page(self, name: str, status: int = 200, /, **context: Any) -> Response:
        """Return the page ``console/NAME`` with these values beside those that every page has."""
        text = render_console(name, self.words.language, self._basis() | context)
        return self.answer(text.encode(), status)

    def answer(self, data: bytes, status: int = 200, media_type: str = "text/html; charset=utf-8") -> Response:
        """Return bytes as an answer that no cache keeps."""
        return Response(data, status, {"vary": "HX-Request, Cookie"}, media_type)

    def go(self, path: str, note: str = "", **query: str) -> Response:
        """Return a redirect to a page of the console, which shows the note of that key."""
        return Response(status_code=303, headers={"location": self.url(path, note=note, **query)})

    def problem(self, error: PostiljonError, status: int = 422, back: str = "/") -> Response:
        """Return a page with an error of a use case in words, and the way back."""
        return self.page("problem.html", status, sentences=self.sentences(error), back=self.url(back))

    def sentences(self, error: PostiljonError) -> list[str]:
        """Return an error in words, a sentence for each fault."""
        if isinstance(error, FaultsError):
            return [self.words.said(fault.words) for fault in error.faults]
        said = self.words.said(error.args[0] if error.args else str(error))
        return [said[:1].upper() + said[1:]]

    def _basis(self) -> dict[str, Any]:
        words, built = self.words, console_assets()
        return {
            "w": words,
            "url": self.url,
            "organisation": self.console.organisation,
            "css": self.url(f"/a/{built['console.css']}"),
            "js": self.url(f"/a/{built['console.js']}"),
            "user": self.user,
            "session": self.session,
            "may": self.may,
            "now": self.now,
            "form_token": lambda: safe(f'<input type="hidden" name="csrf" value="{self.csrf}">'),
            "here": self.request.url.path.removeprefix(PREFIX),
            "note": NOTES.get(self.query("note")),
            "languages": NAMES.items(),
            "look": self.user.look if self.user else "auto",
            "errors": {},
            "second_factor_from": self.user.second_factor_from if self.user else None,
            "is_signed_in": self.session is not None and self.session.stage == "whole",
        }
