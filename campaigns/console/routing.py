"""The way of a request to its handler: who asks, whether that is allowed, and what an error becomes.

Promises: a body of more than ``forms.MOST_BYTES`` is read from users with a session alone. The order is origin, form
token, session, right, second factor, handler. A route states its access and its rights; there is no route without. A
POST that another site sent, or without the form's token, reaches no handler. An act that the user has no right to is
refused with 403, and the refusal is in the audit trail. A page that needs a session sends a browser without one to the
form to sign in, and then back. A form that was sent after its session had ended is offered again after signing in
(:mod:`.kept`). An error of a use case becomes a page in words; no handler can end in a trace. Handlers run in the
threads of the :class:`Console`. Answers to forms that need no session leave after whole time steps, so that their time
tells nothing about an address.

Source: OWASP cross-site request forgery prevention; Fetch Metadata (``Sec-Fetch-Site``).
"""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Literal

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from campaigns.console import cookies, forms, kept, second_factor
from campaigns.console.context import PREFIX, Console
from campaigns.console.forms import Form
from campaigns.console.notes import NOTES
from campaigns.console.visit import Handler, Visit, form_token
from campaigns.console.words import NAMES, Words, accepted
from campaigns.staff import audit, sessions, users
from campaigns.staff.audit import Act, Verb
from campaigns.staff.rights import Right
from campaigns.staff.sessions import StaffSession
from campaigns.staff.users import User
from mailer.errors import InputError, PostiljonError, StateError, StorageError, TokenError
from unsubscribe.limits import network_of
from unsubscribe.web.metrics import log, masked
from unsubscribe.web.peers import peer_of
from unsubscribe.web.response_time import evenly
from unsubscribe.web.security import SecurityPolicy

Access = Literal["open", "session"]
Stream = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class ConsoleRoute:
    """A page of the console. ``show`` answers GET, ``act`` POST; ``stream`` answers GET from the event loop.

    ``right``: what a user needs for it; ``act_right``: for POST, if that is another one. ``access`` *open*: no session
    is needed. ``most``: bytes of a body. ``policy``: that of its answers, where it is not the console's. ``is_slow``:
    it waits for others (DNS, a relay, a compile), so it has threads that no urgent act needs.
    """

    path: str
    show: Handler | None = None
    act: Handler | None = None
    right: Right = Right.READ
    act_right: Right | None = None
    access: Access = "session"
    most: int = forms.MOST_BYTES
    stream: Stream | None = None
    policy: SecurityPolicy | None = None
    is_slow: bool = False

    @property
    def methods(self) -> list[str]:
        """The methods that the route answers."""
        return [*(["GET"] if self.show or self.stream else []), *(["POST"] if self.act else [])]

    def right_for(self, method: str) -> Right:
        """Return the right that a request with this method needs."""
        return self.act_right or self.right if method == "POST" else self.right


def mounted_alone(console: Console, route: ConsoleRoute) -> Route:
    """Return one route for Starlette."""
    return Route(f"{PREFIX}{route.path}".removesuffix("/"), partial(_answer, console, route), methods=route.methods)


def mounted(console: Console, routes: Iterable[ConsoleRoute]) -> Iterator[BaseRoute]:
    """Yield the routes for Starlette, and at last one for every other path of the console."""
    for route in routes:
        yield mounted_alone(console, route)
    nothing = ConsoleRoute("/{rest:path}", show=_missing, act=_missing, access="open")
    yield Route(f"{PREFIX}/{{rest:path}}", partial(_answer, console, nothing), methods=["GET", "POST"])


async def _answer(console: Console, route: ConsoleRoute, request: Request) -> Response:
    loop = asyncio.get_running_loop()
    form = Form()
    if request.method == "POST":
        is_large = route.most > forms.MOST_BYTES
        known = is_large and await loop.run_in_executor(console.threads, _has_session, console, request)
        form = await forms.read(request, route.most if known else min(route.most, forms.MOST_BYTES))
    if route.stream:
        visit = await loop.run_in_executor(console.threads, _visit, console, request, form)
        refused = await loop.run_in_executor(console.threads, _refusal, route, visit)
        return refused or await route.stream(visit)
    threads = console.slow_threads if route.is_slow else console.threads
    if request.method == "POST" and route.access == "open":
        async with evenly():
            return await loop.run_in_executor(threads, _handle, console, route, request, form)
    return await loop.run_in_executor(threads, _handle, console, route, request, form)


def _handle(console: Console, route: ConsoleRoute, request: Request, form: Form) -> Response:
    visit = _visit(console, request, form)
    handler = route.act if request.method == "POST" else route.show
    assert handler is not None  # noqa: S101 - Starlette asks for these methods only
    try:
        response = _refusal(route, visit) or handler(visit)
    except PostiljonError as error:
        response = _explained(visit, error)
    except OverflowError:  # a number in the address that no database has
        response = visit.page("missing.html", 404, is_link=False)
    for name, value in visit.cookies.items():
        cookies.put(console, response, name, value)
    if visit.session and sessions.needs_note(visit.session, visit.now) and cookies.SESSION not in visit.cookies:
        with suppress(StorageError), visit.write() as conn:  # the act is done: a note that fails must not deny it
            sessions.note(conn, visit.session, visit.now)
    return response


def _has_session(console: Console, request: Request) -> bool:
    """Return whether a user has signed in: a stranger's body is not read beyond the limit of ordinary forms."""
    with console.db.read() as conn:
        session, _user = _who(conn, cookies.read(console, request, cookies.SESSION), console.now)
    return session is not None and session.stage == "whole"


def _visit(console: Console, request: Request, form: Form) -> Visit:
    """Return the visit of a request, with its user where there is a session."""
    now, network = console.now, network_of(peer_of(request, console.app.reader.trusted_proxies))
    token, number = cookies.read(console, request, cookies.SESSION), os.urandom(5).hex()
    with console.db.read() as conn:
        session, user = _who(conn, token, now)
    fresh: dict[str, str] = {}
    if session is None:
        token = cookies.read(console, request, cookies.VISITOR)
        if not token:
            token = fresh[cookies.VISITOR] = cookies.new_visitor()
    origin = audit.Origin.of_user(user.id, network, number) if user else audit.Origin("nobody", network, number)
    words = Words(_language(request, user), console.app.reader.timezone)
    return Visit(console, request, form, words, now, token, origin, user, session, fresh)


def _who(conn: Connection, token: str, now: datetime) -> tuple[StaffSession | None, User | None]:
    session = sessions.find(conn, token, now)
    user = users.get(conn, session.user_id) if session else None
    return (session, user) if user and user.removed_at is None else (None, None)


def _language(request: Request, user: User | None) -> str:
    """Return the language of a page: that of the address, of the user, of the browser, else Dutch."""
    asked = request.query_params.get("lang", "")
    if asked in NAMES:
        return asked
    if user and user.language in NAMES:
        return user.language
    return accepted(request.headers.get("accept-language", "")) or "nl"


def _refusal(route: ConsoleRoute, visit: Visit) -> Response | None:
    """Return why a request does not reach its handler; None if it may."""
    request, method = visit.request, visit.request.method
    if method == "POST" and not _is_ours(visit, visit.csrf):
        if lost := _session_ended(route, visit):
            return lost
        log.warning("console_form_refused", path=masked(request.url.path))
        return visit.page("expired.html", 403, back=visit.url("/"))
    if route.access == "open":
        return None
    if visit.session is None or visit.user is None:
        return _to_sign_in(visit)
    if visit.session.stage != "whole":
        return visit.go("/sign-in/code")
    right = route.right_for(method)
    if not visit.may(right):
        return _forbidden(visit, route, right)
    return second_factor.demanded(visit, route.path)


def _session_ended(route: ConsoleRoute, visit: Visit) -> Response | None:
    """Return the form to sign in, with what was typed, for a form of a session that has ended meanwhile."""
    token = cookies.read(visit.console, visit.request, cookies.SESSION)
    if visit.session is not None or route.access == "open" or not _is_ours(visit, form_token(token)):
        return None
    with visit.read() as conn:
        user = sessions.owner(conn, token)
    if user is None:
        return None
    values = {"email": "", "next": "", "kept": kept.sealed(visit, user), "note": NOTES["session_ended"]}
    response = visit.page("sign_in.html", 403, **values)
    if visit.is_fragment:  # the form to sign in takes the place of the page
        response.headers.update({"hx-retarget": "body", "hx-reswap": "innerHTML"})
    return response


def _is_ours(visit: Visit, expected: str) -> bool:
    """Return whether a POST comes from a page of the console: by the browser's word, and by the token in the form."""
    headers = visit.request.headers
    site = headers.get("sec-fetch-site")
    if site is not None:
        same = site == "same-origin"
    else:
        same = headers.get("origin") in (visit.console.origin, None)
    given = visit.form.one("csrf") or headers.get("x-csrf-token", "")
    return same and bool(expected) and hmac.compare_digest(given.encode(), expected.encode())


def _to_sign_in(visit: Visit) -> Response:
    request = visit.request
    target = request.url.path.removeprefix(PREFIX) or "/"
    if request.method == "GET" and request.url.query:
        target += f"?{request.url.query}"
    if visit.is_fragment:  # a part of a page cannot show a form to sign in: the whole page goes there
        location = visit.url("/sign-in", next=target, note="session_ended")
        return Response(status_code=204, headers={"hx-redirect": location})
    note = "session_ended" if cookies.read(visit.console, request, cookies.SESSION) else ""
    return visit.go("/sign-in", note, next="" if target == "/" else target)


def _forbidden(visit: Visit, route: ConsoleRoute, right: Right) -> Response:
    with visit.write() as conn:
        visit.record(conn, Act(Verb.VISIT, "page", route.path, outcome="refused"))
        able = users.with_right(conn, right)
    return visit.page("forbidden.html", 403, able=able, right=right.value)


def _explained(visit: Visit, error: PostiljonError) -> Response:
    """Return the page for an error of a use case that a handler did not answer itself."""
    if isinstance(error, TokenError):
        return visit.page("missing.html", 404, is_link=True)
    if isinstance(error, StorageError):
        log.error("console_storage_failed", error=type(error).__name__)
        response = visit.page("away.html", 503)
        response.headers["retry-after"] = "60"
        return response
    if isinstance(error, InputError) and visit.request.method == "GET":
        return visit.page("missing.html", 404, is_link=False)
    status = 409 if isinstance(error, StateError) else 422
    return visit.problem(error, status)


def _missing(visit: Visit) -> Response:
    if visit.user is None:
        return _to_sign_in(visit)
    return visit.page("missing.html", 404, is_link=False)


def reopened(visit: Visit, token: str, user: User, session: StaffSession) -> Visit:
    """Return the visit after a new session began: its cookie is set with the answer, its forms have its token."""
    words = Words(_language(visit.request, user), visit.words.zone)
    return replace(visit, token=token, user=user, session=session, words=words)
