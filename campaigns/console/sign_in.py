"""Signing in and out: address and password, then the code of the second factor.

Promises: every failure has the same answer, after the same work, whether the address is a user's or not. Failed tries
are counted for an address from one network, and for a network; the counts are in the database, so that all web
processes share them. A stranger elsewhere cannot lock a user out. A session begins with a new secret at each step, so
that none can be planted (session fixation). After signing in the page that was asked for is shown: a path of the
console, never another site. The owner of an account is told by mail when its limit is reached.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from starlette.responses import Response

from campaigns.console import browsers, cookies, kept, places
from campaigns.console.routing import ConsoleRoute, reopened
from campaigns.console.visit import Visit
from campaigns.staff import audit, passwords, sessions, totp, users
from campaigns.staff.audit import Act, Origin, Verb
from campaigns.staff.mails import StaffMail
from campaigns.staff.sessions import Stage
from campaigns.staff.users import User
from mailer.address import key_of
from mailer.errors import AddressError
from unsubscribe import limits
from unsubscribe.limits import Limit, LimitUse

WITHIN = timedelta(minutes=15)
BY_ACCOUNT, BY_NETWORK = Limit("sign in", 10, WITHIN), Limit("sign in by network", 60, WITHIN)
CODES = Limit("second factor", 10, WITHIN)
LONGEST_PASSWORD = passwords.LONGEST


def routes() -> list[ConsoleRoute]:
    """Return these routes."""
    return [
        ConsoleRoute("/sign-in", show=form, act=sign_in, access="open", most=kept.MOST_BYTES),
        ConsoleRoute("/sign-in/code", show=code_form, act=give_code, access="open", most=kept.MOST_BYTES),
        ConsoleRoute("/sign-out", act=sign_out),
    ]


def form(visit: Visit) -> Response:
    """Show the form; a user who has signed in goes to the overview."""
    if visit.session and visit.session.stage == "whole":
        return visit.go("/")
    return visit.page("sign_in.html", email="", next=places.inside(visit.query("next")), kept="")


def sign_in(visit: Visit) -> Response:
    """Take an address and a password."""
    email, password = visit.form.one("email"), visit.form.text("password")[: LONGEST_PASSWORD + 1]
    uses = _uses(visit, email)
    with visit.read() as conn:
        if limits.spent(conn, uses, visit.now):
            return _refused(visit, email, "limit")
        user = users.find(conn, email)
        stored = users.password_hash(conn, user.id if user else 0)  # the same work for an unknown address
    if not passwords.matches(stored, password) or user is None:
        _count(visit, uses, user)
        return _refused(visit, email, "wrong")
    return begin(
        visit, user, "password" if user.has_totp else "whole", password if passwords.is_outdated(stored) else ""
    )


def code_form(visit: Visit) -> Response:
    """Show the form for the code of the second factor."""
    if visit.session is None:
        return visit.go("/sign-in", "session_ended")
    if visit.session.stage == "whole":
        return visit.go("/")
    return visit.page("sign_in_code.html", next=places.inside(visit.query("next")), kept="")


def give_code(visit: Visit) -> Response:
    """Take a code or a recovery code, and begin the session."""
    if visit.session is None or visit.session.stage == "whole":
        return code_form(visit)
    use = limits.use(CODES, visit.console.app.pepper, str(visit.me.id))
    with visit.write() as conn:
        if limits.spent(conn, [use], visit.now):
            return _code_refused(visit, "limit")
        if not totp.accept(conn, visit.me.id, visit.console.app.keyring, visit.form.one("code"), visit.now):
            limits.take(conn, use, visit.now)
            visit.record(conn, Act(Verb.SIGN_IN, "user", str(visit.me.id), ("code",), outcome="refused"))
            return _code_refused(visit, "wrong")
        sessions.end(conn, visit.me.id, visit.session.id, visit.now)
    return begin(visit, visit.me, "whole", "")


def sign_out(visit: Visit) -> Response:
    """End this session."""
    assert visit.session is not None  # noqa: S101 - the routing has looked
    with visit.write() as conn:
        sessions.end(conn, visit.me.id, visit.session.id, visit.now)
        visit.record(conn, Act(Verb.SIGN_OUT, "user", str(visit.me.id)))
    visit.cookies[cookies.SESSION] = ""
    return visit.go("/sign-in", "signed_out")


def begin(visit: Visit, user: User, stage: Stage, rehash: str = "") -> Response:
    """Begin a session of a user, and go to the page that was asked for, or offer again what was typed.

    ``rehash``: a password to hash again.
    """
    stored = passwords.hashed(rehash) if rehash else ""
    with visit.write() as conn:
        token = sessions.begin(
            conn, user.id, stage, browsers.browser_of(visit.request, visit.origin.network), visit.now
        )
        if stored:
            users.set_password(conn, user.id, stored, visit.now)
        if stage == "whole":
            mine = replace(visit.origin, actor=Origin.of_user(user.id, "", "").actor)
            audit.record(conn, mine, Act(Verb.SIGN_IN, "user", str(user.id)), visit.now)
        session = sessions.find(conn, token, visit.now)
    assert session is not None  # noqa: S101 - it has just begun
    visit.cookies[cookies.SESSION] = token
    target, carried = places.inside(visit.form.one("next")), kept.given(visit)
    found = kept.opened(visit, carried, user.id)
    if stage == "password":
        if found:
            return reopened(visit, token, user, session).page("sign_in_code.html", next="", kept=carried)
        return visit.go("/sign-in/code", next=target)
    if found:
        return kept.offered(reopened(visit, token, user, session), found)
    return Response(status_code=303, headers={"location": visit.console.base + (target or "")})


def _count(visit: Visit, uses: list[LimitUse], user: User | None) -> None:
    """Count a wrong password; the owner is told when the limit of the account is reached, with the same work for all.

    A mail goes once a day at most.
    """
    kind, mailer = StaffMail.SIGN_IN_LIMIT, visit.console.app.staff_mail
    with visit.read() as conn:
        mailer.prepare(conn, kind, visit.now)
    with visit.write() as conn:
        for use in uses:
            limits.take(conn, use, visit.now)
        if limits.spent(conn, uses[:1], visit.now):
            if user:
                with conn.begin_nested():  # as for nobody
                    mailer.send(conn, kind, user, f"{visit.now:%Y%m%d}", visit.now)
            else:
                mailer.pretend(conn, kind, visit.now)
        visit.record(conn, Act(Verb.SIGN_IN, "user", str(user.id) if user else "", outcome="refused"))


def _uses(visit: Visit, email: str) -> list[LimitUse]:
    pepper, network = visit.console.app.pepper, visit.origin.network
    account = f"{key_or_text(email)} {network}"
    return [limits.use(BY_ACCOUNT, pepper, account), limits.use(BY_NETWORK, pepper, network)]


def key_or_text(email: str) -> str:
    """Return the key of an address, so that another spelling has no limit of its own; else the text."""
    try:
        return key_of(email)
    except AddressError:
        return email.casefold()[:300]


def _refused(visit: Visit, email: str, why: str) -> Response:
    _ = visit.words.gettext
    texts = {
        "wrong": _("The address or the password is not right. Check both, and try again."),
        "limit": _("Signing in failed too often. Try again in {span}, or set a new password.").format(
            span=visit.words.span(WITHIN)
        ),
    }
    status = 429 if why == "limit" else 422
    target = places.inside(visit.form.one("next"))
    return visit.page(
        "sign_in.html", status, email=email, next=target, kept=kept.given(visit), errors={"email": texts[why]}
    )


def _code_refused(visit: Visit, why: str) -> Response:
    _ = visit.words.gettext
    texts = {
        "wrong": _("This code is not right. Take the one that your app shows now, or a recovery code."),
        "limit": _("Too many wrong codes. Try again in {span}.").format(span=visit.words.span(WITHIN)),
    }
    status = 429 if why == "limit" else 422
    target = places.inside(visit.form.one("next"))
    return visit.page("sign_in_code.html", status, next=target, kept=kept.given(visit), errors={"code": texts[why]})
