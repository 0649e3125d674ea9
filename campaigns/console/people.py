"""The people who work with Postiljon: list, invite, change roles, hand over a link, remove.

Promises: only administrators get here; roles, a second factor and removal demand a proof. The last administrator keeps
the role. A change of rights ends the sessions of that person. The link of an invitation is shown only while no mail
brings it: no sender address, no relay, or a refusal; else it would be a way into the account of somebody else.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection
from starlette.responses import Response

from campaigns.console import proof
from campaigns.console.account import renew
from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.console.words import NAMES
from campaigns.lifecycle import accounts
from campaigns.lifecycle.accounts import Newcomer
from campaigns.lifecycle.staff_mail import StaffMailer
from campaigns.staff import links, sessions, users
from campaigns.staff.audit import Act, Verb
from campaigns.staff.links import LinkPurpose
from campaigns.staff.mails import StaffMail
from campaigns.staff.rights import Right
from campaigns.staff.users import ROLES, User
from mailer.errors import InputError

LONGEST_NAME = 100
_Change = Callable[[Connection, StaffMailer, User, Visit], None]


def routes() -> list[ConsoleRoute]:
    """Return these routes."""
    right = Right.PEOPLE
    return [
        ConsoleRoute("/people", show=show, right=right),
        ConsoleRoute("/people/invite", show=invite_form, act=invite, right=right),
        ConsoleRoute("/people/{number:int}", show=person, act=change_roles, right=right),
        ConsoleRoute("/people/{number:int}/link", show=show_link, act=send_again, right=right),
        ConsoleRoute("/people/{number:int}/second-factor", show=factor_form, act=factor_off, right=right),
        ConsoleRoute("/people/{number:int}/remove", show=remove_form, act=remove, right=right),
    ]


def show(visit: Visit) -> Response:
    """Show everybody."""
    with visit.read() as conn:
        return visit.page("people.html", people=users.everybody(conn))


def invite_form(visit: Visit) -> Response:
    """Show the form to invite a person."""
    return proof.demanded(visit) or _invite_page(visit, 200, Newcomer("", "", ["author"], visit.words.language))


def invite(visit: Visit) -> Response:
    """Invite a person."""
    if asked := proof.demanded(visit):
        return asked
    form, mailer, _ = visit.form, visit.console.app.staff_mail, visit.words.gettext
    language = form.one("language") if form.one("language") in NAMES else visit.words.language
    typed = Newcomer(form.one("email"), form.one("name")[:LONGEST_NAME], list(form.all("roles")), language)
    errors = {}
    if not typed.name:
        errors["name"] = _("Fill in a name. Colleagues see it.")
    if not typed.roles:
        errors["roles"] = _("Choose at least one role.")
    with visit.read() as conn:
        mailer.prepare(conn, StaffMail.INVITATION, visit.now)
        try:
            users.free_address(conn, typed.email)
        except InputError as error:
            errors = {"email": visit.sentences(error)[0]} | errors
    if errors:
        return _invite_page(visit, 422, typed, **errors)
    with visit.write() as conn:
        user, _link = accounts.invite(conn, mailer, typed, visit.now)
        visit.record(conn, Act(Verb.INVITE, "user", str(user.id), ("roles",)))
    return visit.go(f"/people/{user.id}/link")


def person(visit: Visit) -> Response:
    """Show one person."""
    with visit.read() as conn:
        return _person_page(visit, 200, _here(conn, visit))


def change_roles(visit: Visit) -> Response:
    """Change the roles of a person."""
    if asked := proof.demanded(visit):
        return asked
    roles, mailer = list(visit.form.all("roles")), visit.console.app.staff_mail
    with visit.read() as conn:
        user = _here(conn, visit)
        mailer.prepare(conn, StaffMail.ACCOUNT_CHANGED, visit.now)
    try:
        with visit.write() as conn:
            user = _here(conn, visit)
            changed = accounts.set_roles(conn, mailer, user, roles, visit.now)
            if changed and user.id == visit.me.id:
                renew(visit, conn)
            if changed:
                visit.record(conn, Act(Verb.CHANGE_ROLES, "user", str(user.id), ("roles",)))
    except InputError as error:
        return _person_page(visit, 422, user, roles, roles_error=visit.sentences(error)[0])
    if user.id == visit.me.id and changed:
        return visit.go("/", "roles_changed")
    return visit.go(f"/people/{user.id}", "roles_changed")


def show_link(visit: Visit) -> Response:
    """Show whether the invitation is on its way, and the link where it is not."""
    mailer = visit.console.app.staff_mail
    with visit.read() as conn:
        user = _here(conn, visit)
        number = links.newest(conn, LinkPurpose.INVITATION, user.id, visit.now)
        link = links.again(conn, mailer.keyring, number) if number is not None and not user.has_password else None
        way = mailer.way(conn, StaffMail.INVITATION, user, str(link.id)) if link else "gone"
    shown = f"{visit.console.base_url}/join/{link.token}" if link and way == "stuck" else ""
    return visit.page("people_link.html", person=user, link=shown, way=way, is_open=link is not None)


def send_again(visit: Visit) -> Response:
    """Send the invitation once more."""
    if asked := proof.demanded(visit):
        return asked
    mailer = visit.console.app.staff_mail
    with visit.read() as conn:
        mailer.prepare(conn, StaffMail.INVITATION, visit.now)
    with visit.write() as conn:
        user = _here(conn, visit)
        accounts.invite_again(conn, mailer, user, visit.now)
        visit.record(conn, Act(Verb.INVITE, "user", str(user.id)))
    return visit.go(f"/people/{user.id}/link")


def factor_form(visit: Visit) -> Response:
    """Ask whether the second factor of a person is to be switched off."""
    if asked := proof.demanded(visit):
        return asked
    with visit.read() as conn:
        return visit.page("people_factor.html", person=_here(conn, visit))


def factor_off(visit: Visit) -> Response:
    """Switch off the second factor of a person who lost the phone."""
    return proof.demanded(visit) or _change(visit, _switch_off, Verb.TOTP_OFF, "/people/{number}", "factor_removed")


def remove_form(visit: Visit) -> Response:
    """Ask whether a person is to be removed."""
    if asked := proof.demanded(visit):
        return asked
    with visit.read() as conn:
        return visit.page("people_remove.html", person=_here(conn, visit))


def remove(visit: Visit) -> Response:
    """Remove a person."""
    return proof.demanded(visit) or _change(visit, _remove, Verb.REMOVE_USER, "/people", "person_removed")


def _change(visit: Visit, act: _Change, verb: Verb, back: str, note: str) -> Response:
    mailer = visit.console.app.staff_mail
    with visit.read() as conn:
        mailer.prepare(conn, StaffMail.ACCOUNT_CHANGED, visit.now)
    with visit.write() as conn:
        user = _here(conn, visit)
        act(conn, mailer, user, visit)
        visit.record(conn, Act(verb, "user", str(user.id)))
    return visit.go(back.format(number=user.id), note)


def _switch_off(conn: Connection, mailer: StaffMailer, user: User, visit: Visit) -> None:
    accounts.switch_off(conn, mailer, user, visit.now)
    sessions.end_all(conn, user.id, visit.now)  # the phone that was lost may have one


def _remove(conn: Connection, _mailer: StaffMailer, user: User, visit: Visit) -> None:
    accounts.remove(conn, user, visit.now)


def _here(conn: Connection, visit: Visit) -> User:
    user = users.get(conn, int(visit.path["number"]))
    if user.removed_at is not None:
        raise InputError("there is no such user")
    return user


def _invite_page(visit: Visit, status: int, typed: Newcomer, **errors: str) -> Response:
    return visit.page("people_invite.html", status, typed=typed, roles=ROLES, errors=errors)


def _person_page(
    visit: Visit, status: int, user: User, chosen: list[str] | None = None, roles_error: str = ""
) -> Response:
    errors = {"roles": roles_error} if roles_error else {}
    given = chosen if chosen is not None else [role.value for role in user.roles]
    return visit.page("person.html", status, person=user, chosen=given, roles=ROLES, errors=errors)
