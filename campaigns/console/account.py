"""The person's own account: name, language, look, mails, password, sessions, further addresses.

Promises: each page and act is about the person who has signed in, never about another. A new password asks for the
old one and ends all other sessions; this one goes on under a new secret. A further address counts once its link was
followed, by anybody who reads that mailbox; the link only says so and opens nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection
from starlette.responses import Response

from campaigns.console import browsers, cookies
from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.console.words import NAMES
from campaigns.lifecycle import accounts
from campaigns.staff import audit, links, mails, passwords, sessions, totp, users
from campaigns.staff.audit import Act, Verb
from campaigns.staff.links import LinkPurpose
from campaigns.staff.mails import StaffMail
from campaigns.staff.users import LOOKS
from mailer.errors import InputError, TokenError
from unsubscribe import limits
from unsubscribe.limits import Limit

LONGEST_NAME = 100
ADDRESSES = Limit("further addresses", 10, timedelta(days=1))
OLD_PASSWORD = Limit("old password", 10, timedelta(minutes=15))


def routes() -> list[ConsoleRoute]:
    """Return these routes."""
    return [
        ConsoleRoute("/account", show=show, act=save),
        ConsoleRoute("/account/password", show=password_form, act=set_password),
        ConsoleRoute("/account/sessions", act=end_others),
        ConsoleRoute("/account/sessions/{number:int}", act=end_session),
        ConsoleRoute("/account/addresses", act=add_address),
        ConsoleRoute("/account/addresses/remove", act=drop_address),
        ConsoleRoute("/account/address/{token}", show=address_form, act=verify_address, access="open"),
    ]


def show(visit: Visit) -> Response:
    """Show the account."""
    return _page(visit, 200)


def save(visit: Visit) -> Response:
    """Take name, language, look and the choice of mails."""
    form, me, _ = visit.form, visit.me, visit.words.gettext
    offered = {kind.value for kind in mails.offered(me.roles)}
    values = {
        "name": form.one("name")[:LONGEST_NAME],
        "language": form.one("language") if form.one("language") in NAMES else "",
        "look": form.one("look") if form.one("look") in LOOKS else "auto",
        "mails": " ".join(sorted(offered & set(form.all("mails")))),
    }
    if not values["name"]:
        return _page(visit, 422, values, name=_("Fill in your name. Colleagues see it."))
    before = {"name": me.name, "language": me.language, "look": me.look, "mails": " ".join(sorted(me.mails))}
    changed = [name for name, value in values.items() if value != before[name]]
    with visit.write() as conn:
        users.change(conn, me.id, visit.now, **values)
        visit.record(conn, Act(Verb.CHANGE_ACCOUNT, "user", str(me.id), changed))
    return visit.go("/account", "account_saved")


def password_form(visit: Visit) -> Response:
    """Show the form for a new password."""
    return visit.page("password.html")


def set_password(visit: Visit) -> Response:
    """Take the old password and a new one."""
    form, me, _ = visit.form, visit.me, visit.words.gettext
    use = limits.use(OLD_PASSWORD, visit.console.app.pepper, str(me.id))
    with visit.read() as conn:
        spent, stored = limits.spent(conn, [use], visit.now), users.password_hash(conn, me.id)
        visit.console.app.staff_mail.prepare(conn, StaffMail.ACCOUNT_CHANGED, visit.now)
    if spent:
        text = _("Too many wrong answers. Try again in {span}.").format(span=visit.words.span(OLD_PASSWORD.within))
        return visit.page("password.html", 429, errors={"old": text})
    errors = {}
    if not passwords.matches(stored, form.text("old")[: passwords.LONGEST + 1]):
        errors["old"] = _("This is not your present password.")
        with visit.write() as conn:
            limits.take(conn, use, visit.now)
            visit.record(conn, Act(Verb.SET_PASSWORD, "user", str(me.id), outcome="refused"))
    try:
        passwords.refuse(form.text("password"), (me.email, me.name))
    except InputError as error:
        errors["password"] = visit.sentences(error)[0]
    if errors:
        return visit.page("password.html", 422, errors=errors)
    kept = passwords.hashed(form.text("password"))
    with visit.write() as conn:
        accounts.set_password(conn, visit.console.app.staff_mail, me, kept, visit.now)
        renew(visit, conn)
        visit.record(conn, Act(Verb.SET_PASSWORD, "user", str(me.id)))
    return visit.go("/account", "password_changed")


def renew(visit: Visit, conn: Connection) -> None:
    """Go on in this browser under a new secret, after all sessions of the user ended."""
    browser = browsers.browser_of(visit.request, visit.origin.network)
    visit.cookies[cookies.SESSION] = sessions.begin(conn, visit.me.id, "whole", browser, visit.now)


def end_session(visit: Visit) -> Response:
    """End one of the person's sessions."""
    number = int(visit.path["number"])
    with visit.write() as conn:
        if sessions.end(conn, visit.me.id, number, visit.now):
            visit.record(conn, Act(Verb.END_SESSION, "user", str(visit.me.id)))
    return visit.go("/account", "session_closed")


def end_others(visit: Visit) -> Response:
    """End all other sessions of the person."""
    assert visit.session is not None  # noqa: S101 - the routing has looked
    with visit.write() as conn:
        sessions.end_all(conn, visit.me.id, visit.now, but=visit.session.id)
        visit.record(conn, Act(Verb.END_SESSION, "user", str(visit.me.id)))
    return visit.go("/account", "sessions_closed")


def add_address(visit: Visit) -> Response:
    """Add a further address (or the person's own), and send a link to it."""
    email, me, _ = visit.form.one("email"), visit.me, visit.words.gettext
    app, use = visit.console.app, limits.use(ADDRESSES, visit.console.app.pepper, str(visit.me.id))
    with visit.read() as conn:
        if limits.spent(conn, [use], visit.now):
            text = _("You asked for this often. Try again in {span}.").format(span=visit.words.span(ADDRESSES.within))
            return _page(visit, 429, new=email, email=text)
        app.staff_mail.prepare(conn, StaffMail.ADDRESS, visit.now)
        if not app.staff_mail.sender(conn):
            text = _("No mail can be sent yet: the address of the organisation is missing in the settings.")
            return _page(visit, 422, new=email, email=text)
    try:
        with visit.write() as conn:
            limits.take(conn, use, visit.now)
            address = str(users.add_address(conn, me.id, email)) if email != me.email else email
            app.staff_mail.send_link(conn, StaffMail.ADDRESS, me, address, visit.now)
            visit.record(conn, Act(Verb.ADD_ADDRESS, "user", str(me.id)))
    except InputError as error:
        return _page(visit, 422, new=email, email=visit.sentences(error)[0])
    return visit.go("/account", "address_asked")


def drop_address(visit: Visit) -> Response:
    """Remove a further address."""
    with visit.write() as conn:
        if users.drop_address(conn, visit.me.id, visit.form.one("email")):
            visit.record(conn, Act(Verb.CHANGE_ACCOUNT, "user", str(visit.me.id), ("addresses",)))
    return visit.go("/account", "address_removed")


def address_form(visit: Visit) -> Response:
    """Ask whether the address is to be confirmed."""
    with visit.read() as conn:
        link = links.read(conn, LinkPurpose.ADDRESS, visit.path["token"], visit.now)
    return visit.page("address.html", email=link.email, done=False)


def verify_address(visit: Visit) -> Response:
    """Note that the person reads that mailbox."""
    with visit.write() as conn:
        link = links.use(conn, LinkPurpose.ADDRESS, visit.path["token"], visit.now)
        if link.user_id is None or users.get(conn, link.user_id).removed_at is not None:
            raise TokenError("this link does not work (any more)")
        users.verify_address(conn, link.user_id, link.email, visit.now)
        origin = replace(visit.origin, actor=f"user:{link.user_id}")
        audit.record(conn, origin, Act(Verb.VERIFY_ADDRESS, "user", str(link.user_id)), visit.now)
    return visit.page("address.html", email=link.email, done=True)


def _page(visit: Visit, status: int, values: dict[str, str] | None = None, new: str = "", **errors: str) -> Response:
    me = visit.me
    with visit.read() as conn:
        found = {
            "sessions": sessions.living(conn, me.id, visit.now),
            "verified": users.addresses(conn, me),
            "pending": users.pending_addresses(conn, me.id),
            "codes_left": totp.codes_left(conn, me.id),
        }
    typed = values or {"name": me.name, "language": me.language, "look": me.look, "mails": " ".join(me.mails)}
    kinds = mails.offered(me.roles)
    return visit.page("account.html", status, typed=typed, kinds=kinds, new=new, errors=errors, **found)
