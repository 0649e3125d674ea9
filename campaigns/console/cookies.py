"""The cookies of the console.

Promises: over TLS the name begins with ``__Host-`` and the cookie has ``Secure``, so that no other host or path can set
it (RFC 6265bis section 4.1.3); on plain HTTP at loopback it has neither. It is never readable by a script, and is not
sent with a request that another site begins, except to open a page.
"""

from __future__ import annotations

import re
import secrets

from starlette.requests import Request
from starlette.responses import Response

from campaigns.console.context import Console

SESSION, VISITOR = "postiljon-session", "postiljon-visitor"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,64}")


def read(console: Console, request: Request, name: str) -> str:
    """Return the secret in a cookie; "" for none, and for a text that we never made."""
    found = request.cookies.get(_named(console, name), "")
    return found if _TOKEN.fullmatch(found) else ""


def put(console: Console, response: Response, name: str, value: str) -> None:
    """Set a cookie, until the browser is closed or the session ends; an empty value removes it."""
    response.set_cookie(
        _named(console, name),
        value,
        max_age=None if value else 0,
        path="/",
        secure=console.is_https,
        httponly=True,
        samesite="lax",
    )


def new_visitor() -> str:
    """Return the secret of a browser without a session: the form to sign in needs one."""
    return secrets.token_urlsafe(24)


def _named(console: Console, name: str) -> str:
    return f"__Host-{name}" if console.is_https else name
