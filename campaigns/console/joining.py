"""Getting in by a link: an invitation, and a new password for one that was forgotten.

Promises: a link is used up by POST alone, so that a mail scanner that opens it changes nothing. Asking for a new
password has one answer, after the same work, whether the address is a user's or not; it is limited for an address from
one network, for a network, and for a mailbox. A new password ends all sessions; the second factor stays.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection
from starlette.responses import Response

from campaigns.console.routing import ConsoleRoute
from campaigns.console.sign_in import begin, key_or_text
from campaigns.console.visit import Visit
from campaigns.lifecycle import accounts
from campaigns.staff import audit, passwords, users
from campaigns.staff.audit import Act, Origin, Verb
from campaigns.staff.mails import StaffMail
from campaigns.staff.users import User
from mailer.errors import InputError
from unsubscribe import limits
from unsubscribe.limits import AN_HOUR, Limit

LONGEST_NAME = 100
BY_ADDRESS, BY_NETWORK = Limit("reset", 3, AN_HOUR), Limit("reset by network", 20, AN_HOUR)
BY_MAILBOX = Limit("reset by mailbox", 10, timedelta(days=1))  # letters that strangers together can cause


def routes() -> list[ConsoleRoute]:
    """Return these routes."""
    return [
        ConsoleRoute("/join/{token}", show=join_form, act=join, access="open"),
        ConsoleRoute("/reset", show=reset_form, act=ask_reset, access="open"),
        ConsoleRoute("/reset/{token}", show=new_password_form, act=new_password, access="open"),
    ]


def join_form(visit: Visit) -> Response:
    """Show the form of an invitation."""
    with visit.read() as conn:
        user = accounts.invited(conn, visit.path["token"], visit.now)
    return visit.page("join.html", invited=user, name=user.name)


def join(visit: Visit) -> Response:
    """Accept an invitation; the person is signed in."""
    token, name = visit.path["token"], visit.form.one("name")[:LONGEST_NAME]
    with visit.read() as conn:
        user = accounts.invited(conn, token, visit.now)
    kept, errors = _hashed(visit, user, name)
    if not name:
        errors = {"name": visit.words.gettext("Fill in your name. Colleagues see it.")} | errors
    if errors:
        return visit.page("join.html", 422, invited=user, name=name, errors=errors)
    with visit.write() as conn:
        user = accounts.join(conn, token, name, kept, visit.now)
        _record(visit, conn, user, Verb.VERIFY_ADDRESS, Verb.SET_PASSWORD)
    return begin(visit, user, "whole")


def reset_form(visit: Visit) -> Response:
    """Ask for the address of a user that forgot the password."""
    return visit.page("reset.html", email="")


def ask_reset(visit: Visit) -> Response:
    """Send a link, if the address is a user's; the answer is the same."""
    email, _ = visit.form.one("email"), visit.words.gettext
    if "@" not in email or len(email) > 300:
        text = _("Fill in your email address, such as name@example.org.")
        return visit.page("reset.html", 422, email=email, errors={"email": text})
    app, network, key = visit.console.app, visit.origin.network, key_or_text(email)
    mailbox = limits.use(BY_MAILBOX, app.pepper, key)
    uses = [limits.use(BY_ADDRESS, app.pepper, f"{key} {network}"), limits.use(BY_NETWORK, app.pepper, network)]
    with visit.read() as conn:
        if limits.spent(conn, uses, visit.now):
            text = _("You asked for this often. Try again in {span}.").format(span=visit.words.span(AN_HOUR))
            return visit.page("reset.html", 429, email=email, errors={"email": text})
        user = users.find(conn, email)
        app.staff_mail.prepare(conn, StaffMail.RESET, visit.now)
    with visit.write() as conn:
        for use in uses:
            limits.take(conn, use, visit.now)
        may_go = limits.take(conn, mailbox, visit.now)
        accounts.ask_reset(conn, app.staff_mail, user if may_go else None, visit.now)
        visit.record(conn, Act(Verb.ASK_RESET, "user", str(user.id) if user else ""))
    return visit.page("reset_asked.html", email=email)


def new_password_form(visit: Visit) -> Response:
    """Show the form for a new password."""
    with visit.read() as conn:
        user = accounts.resetting(conn, visit.path["token"], visit.now)
    return visit.page("new_password.html", person=user)


def new_password(visit: Visit) -> Response:
    """Set a new password; then the person signs in with it."""
    token = visit.path["token"]
    with visit.read() as conn:
        user = accounts.resetting(conn, token, visit.now)
    kept, errors = _hashed(visit, user, user.name)
    if errors:
        return visit.page("new_password.html", 422, person=user, errors=errors)
    with visit.write() as conn:
        user = accounts.reset(conn, token, kept, visit.now)
        _record(visit, conn, user, Verb.SET_PASSWORD)
    return visit.go("/sign-in", "password_set")


def _hashed(visit: Visit, user: User, name: str) -> tuple[str, dict[str, str]]:
    """Return the hash of the typed password, or why it is refused."""
    password = visit.form.text("password").strip("\n")
    try:
        passwords.refuse(password, (user.email, name))
    except InputError as error:
        return "", {"password": visit.sentences(error)[0]}
    return passwords.hashed(password), {}


def _record(visit: Visit, conn: Connection, user: User, *verbs: Verb) -> None:
    origin = replace(visit.origin, actor=Origin.of_user(user.id, "", "").actor)
    for verb in verbs:
        audit.record(conn, origin, Act(verb, "user", str(user.id)), visit.now)
