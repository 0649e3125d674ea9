"""The first hour: the first administrator by a one-time link, then steps, each of which can be left out.

Promises: the link makes one administrator, and only while there is none (:mod:`campaigns.ops.first_steps`). The new
session begins with a new secret. The steps are the pages of the settings, and two pages of their own: first contacts
(:mod:`.setup_contacts`) and a first test mail. What is not done stays on the overview.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from starlette.responses import Response

from campaigns.console import browsers, cookies, settings
from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.ops import first_steps
from campaigns.ops.first_mail import send_first_mail
from campaigns.ops.first_steps import FirstAdministrator, FirstStep
from campaigns.staff import audit, passwords, sessions
from campaigns.staff.audit import Act, Origin, Verb
from campaigns.staff.rights import Right
from mailer.errors import InputError, PostiljonError, TokenError

PATHS = {
    "administrator": "",
    "organisation": "/settings/organisation",
    "relay": "/settings/relay",
    "topic": "/settings/topics/new",
    "contacts": "/setup/contacts",
    "test_mail": "/setup/test",
}
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class ShownStep:
    """A step with its words and its page."""

    step: FirstStep
    title: str
    hint: str
    path: str


def routes() -> list[ConsoleRoute]:
    """Return these routes."""
    return [
        ConsoleRoute("/setup", show=show, act=make_administrator, access="open"),
        ConsoleRoute("/setup/test", show=test_form, act=test, right=Right.SETTINGS, is_slow=True),
    ]


def checklist(visit: Visit) -> list[ShownStep]:
    """Return the steps for the overview while one of them is open; none for users who may not do them."""
    if not visit.may(Right.SETTINGS):
        return []
    with visit.read() as conn:
        found = first_steps.steps(conn)
    return [] if all(step.is_done for step in found) else _shown(visit, found)


def show(visit: Visit) -> Response:
    """Show the steps to an administrator, the form for the first one to the holder of the link."""
    if visit.user and visit.session and visit.session.stage == "whole":
        if not visit.may(Right.SETTINGS):
            return visit.go("/")
        with visit.read() as conn:
            found = first_steps.steps(conn)
        return visit.page("setup.html", steps=_shown(visit, found))
    token = visit.query("token")
    if not token:
        return visit.go("/sign-in", next="/setup")
    with visit.read() as conn:
        first_steps.look_at_link(conn, token, visit.now)
    return _form(visit, token, "", "")


def make_administrator(visit: Visit) -> Response:
    """Make the first administrator, and begin the session."""
    token, email, name = (visit.form.one(field) for field in ("token", "email", "name"))
    password = visit.form.text("password")[: passwords.LONGEST + 1]
    with visit.read() as conn:
        first_steps.look_at_link(conn, token, visit.now)  # a stranger makes us compute no hash
    given = FirstAdministrator(email, name[:LONGEST_NAME], password, visit.words.language)
    errors = _wrong(visit, given)
    if errors:
        return _form(visit, token, email, name, errors)
    kept = passwords.hashed(password)
    try:
        with visit.write() as conn:
            number = first_steps.make_administrator(conn, token, given, kept, visit.now)
            session = sessions.begin(
                conn, number, "whole", browsers.browser_of(visit.request, visit.origin.network), visit.now
            )
            mine = replace(visit.origin, actor=Origin.of_user(number, "", "").actor)
            audit.record(conn, mine, Act(Verb.SET_UP, "user", str(number)), visit.now)
    except TokenError:
        raise
    except InputError as error:
        return _form(visit, token, email, name, {"email": settings.sentences(visit, error)})
    visit.cookies[cookies.SESSION] = session
    return visit.go("/setup", "administrator_made")


def test_form(visit: Visit) -> Response:
    """Show the button that sends a first test mail."""
    return _test_page(visit)


def test(visit: Visit) -> Response:
    """Send it to the administrator's own address, and show the answer of the relay."""
    now = settings.present(visit)
    if not now.reader.contact:
        return _test_page(visit)
    try:
        outcome = send_first_mail(now, visit.me.email, visit.words.language)
    except PostiljonError as error:
        return _test_page(visit, said=" ".join(visit.sentences(error)))
    if outcome.is_ok:
        with visit.write() as conn:
            first_steps.note_test_mail(conn, visit.origin, visit.now)
    return _test_page(visit, said=visit.words.said(outcome.words), is_ok=outcome.is_ok)


def _test_page(visit: Visit, said: str = "", *, is_ok: bool = False) -> Response:
    now = settings.present(visit)
    return visit.page(
        "setup_test.html", contact=now.reader.contact, relay=now.mailer.smtp_url.name, said=said, is_ok=is_ok
    )


def _wrong(visit: Visit, given: FirstAdministrator) -> dict[str, str]:
    errors, typed = {}, len(given.password)
    if not given.name:
        errors["name"] = visit.words.gettext("Type your name: colleagues see it beside what you do.")
    if typed < passwords.SHORTEST:
        text = visit.words.gettext("This password has {number} characters, and at least {shortest} are needed.")
        errors["password"] = text.format(number=typed, shortest=passwords.SHORTEST)
        return errors
    try:
        first_steps.refuse(given)
    except InputError as error:
        errors["password"] = settings.sentences(visit, error)
    return errors


def _form(visit: Visit, token: str, email: str, name: str, errors: dict[str, str] | None = None) -> Response:
    status = 422 if errors else 200
    return visit.page(
        "setup_administrator.html",
        status,
        token=token,
        email=email,
        name=name,
        shortest=passwords.SHORTEST,
        errors=errors or {},
    )


def _shown(visit: Visit, found: list[FirstStep]) -> list[ShownStep]:
    _ = visit.words.gettext
    words = {
        "administrator": (_("First administrator"), _("You can sign in.")),
        "organisation": (_("Your organisation"), _("Name, contact address, postal address and time zone.")),
        "relay": (_("Sender and mail server"), _("The server that takes your mail, with a test of the connection.")),
        "topic": (_("First topic"), _("What people subscribe to, such as a newsletter.")),
        "contacts": (_("First contacts"), _("Paste addresses or choose a file. Nobody is mailed.")),
        "test_mail": (_("First test mail"), _("A mail to your own address, on the whole way.")),
    }
    return [ShownStep(step, *words[step.key], PATHS[step.key]) for step in found]
