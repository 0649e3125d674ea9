"""``user add|list|remove|role|setup-link`` and ``audit verify``: the people of the console, and what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.cli import acts
from campaigns.cli.administration import Json
from campaigns.cli.asking import confirm
from campaigns.cli.opening import open_context
from campaigns.cli.output import _, complain, ngettext, number, say, tell
from campaigns.terminal import on_one_line
from mailer.errors import InputError

if TYPE_CHECKING:
    from campaigns.context import AppContext
    from campaigns.staff.users import User

LONGEST_PASSWORD = 1000  # bytes
Email = Annotated[str, typer.Argument(help=_("The mail address with which the person signs in."))]
Roles = Annotated[
    list[str] | None, typer.Option("--role", help=_("author, reviewer, sender or administrator; may be repeated."))
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    user = typer.Typer(
        help=_("People who may sign in to the console."),
        epilog=_("Example: postiljon user add ester@vng.nl --role author"),
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    user.command(
        "add",
        help=_("Add a person; the password is asked, or read from standard input."),
        epilog=_("Example: postiljon user add ester@vng.nl --role author"),
    )(user_add)
    user.command(
        "list",
        help=_("Show everybody, with roles and whether a second factor is on."),
        epilog=_("Example: postiljon user list"),
    )(user_list)
    user.command(
        "role",
        help=_("Give a person these roles and no other; signs the person out everywhere."),
        epilog=_("Example: postiljon user role ester@vng.nl author sender"),
    )(user_role)
    user.command(
        "remove",
        help=_("Remove a person; signs the person out everywhere."),
        epilog=_("Example: postiljon user remove ester@vng.nl --yes"),
    )(user_remove)
    user.command(
        "setup-link",
        help=_("Make a link by which a person sets a new password, or the first administrator begins."),
        epilog=_("Example: postiljon user setup-link ester@vng.nl"),
    )(setup_link)
    app.add_typer(user, name="user")
    _register_audit(app)


def _register_audit(app: typer.Typer) -> None:
    audit = typer.Typer(
        help=_("The audit trail of the console and of this command."),
        epilog=_("Example: postiljon audit verify"),
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    audit.command(
        "verify",
        help=_("Look whether a row of the audit trail was changed, removed or put between."),
        epilog=_("Example: postiljon audit verify"),
    )(audit_verify)
    audit.callback()(_group)
    app.add_typer(audit, name="audit")


def _group() -> None:
    """Return a group of commands."""


def user_add(
    email: Email,
    role: Roles = None,
    name: Annotated[str, typer.Option(help=_("The name that colleagues see."))] = "",
    as_json: Json = False,
) -> None:
    """Add a staff user."""
    import sys

    from campaigns.staff import users
    from campaigns.staff.audit import Verb

    roles = _known(role or ["author"], "--role")
    context = open_context()
    with context.db.read() as conn:
        users.free_address(conn, email)
    if sys.stdin.isatty():
        password = typer.prompt(_("Password"), hide_input=True, confirmation_prompt=True)
    else:
        password = _line_of_stdin()
    with context.db.write() as conn:
        added = users.add(conn, email, name, roles, password, context.clock())
        acts.record(conn, context, Verb.ADD_USER, "user", str(added), ("roles",))
    context.close()
    if as_json:
        tell({"email": email, "role": ", ".join(roles)})
    else:
        say(_("{email} may sign in as {role}.").format(email=email, role=", ".join(roles)))


def user_list(as_json: Json = False) -> None:
    """List the staff users."""
    from campaigns.staff import users

    context = open_context()
    with context.db.read() as conn:
        found = users.everybody(conn)
    context.close()
    if as_json:
        tell([_as_json(user) for user in found])
        return
    for user in found:
        state = _("with second factor") if user.has_totp else _("without second factor")
        if not user.has_password:
            state = _("invited")
        words = [user.email, user.name, ", ".join(role.value for role in user.roles), state]
        say(on_one_line("  ".join(filter(None, words))))
    if not found:
        say(_("Nobody may sign in yet."))


def user_role(
    email: Email,
    roles: Annotated[list[str], typer.Argument(metavar="ROLE...", help=_("author, reviewer, sender, administrator."))],
    as_json: Json = False,
) -> None:
    """Change the roles of a staff user."""
    from campaigns.lifecycle import accounts
    from campaigns.staff import users
    from campaigns.staff.audit import Verb

    wanted = _known(roles, "ROLE")
    context = open_context()
    with context.db.write() as conn:
        user = users.named(conn, email)
        if accounts.set_roles(conn, context.staff_mail, user, wanted, context.clock()):
            acts.record(conn, context, Verb.CHANGE_ROLES, "user", str(user.id), ("roles",))
        user = users.get(conn, user.id)
    context.close()
    if as_json:
        tell(_as_json(user))
    else:
        say(_("{email} may sign in as {role}.").format(email=user.email, role=", ".join(user.roles)))


def user_remove(
    email: Email,
    yes: Annotated[bool, typer.Option("--yes", help=_("Do not ask."))] = False,
    as_json: Json = False,
) -> None:
    """Remove a staff user."""
    from campaigns.lifecycle import accounts
    from campaigns.staff import users
    from campaigns.staff.audit import Verb

    if not yes:
        confirm(_("{email} can no longer sign in then. Remove this person?").format(email=email))
    context = open_context()
    with context.db.write() as conn:
        user = users.named(conn, email)
        accounts.remove(conn, user, context.clock())
        acts.record(conn, context, Verb.REMOVE_USER, "user", str(user.id))
    context.close()
    if as_json:
        tell({"email": user.email, "removed": True})
    else:
        say(_("{email} can no longer sign in.").format(email=user.email))


def setup_link(
    email: Annotated[str, typer.Argument(help=_("The person; without it, the first administrator."))] = "",
    no_second_factor: Annotated[
        bool, typer.Option("--no-second-factor", help=_("Also switch off the second factor: the phone was lost."))
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a link to get in."""
    context = open_context()
    link = _link_for(context, email, no_second_factor) if email else _first_link(context)
    context.close()
    if as_json:
        tell({"email": email or None, "link": link})
        return
    say(link)
    complain(_("It works once, for an hour. Who has it gets in: hand it over in a way that nobody else can read."))


def audit_verify(as_json: Json = False) -> int:
    """Verify the audit trail."""
    from campaigns.staff import audit

    context = open_context()
    with context.db.read() as conn:
        rows, wrong = audit.count(conn), list(audit.verify(conn))
    context.close()
    if as_json:
        tell({"ok": not wrong, "rows": rows, "wrong": wrong})
    elif wrong:
        numbers = ", ".join(str(row) for row in wrong)
        complain(_("These rows do not follow from those before them: {numbers}.").format(numbers=numbers))
    else:
        text = ngettext("All is well: {number} row.", "All is well: {number} rows.", rows)
        say(text.format(number=number(rows)))
    return 1 if wrong else 0


def _link_for(context: AppContext, email: str, no_second_factor: bool) -> str:
    from campaigns.lifecycle import accounts
    from campaigns.staff import links, users
    from campaigns.staff.audit import Verb
    from campaigns.staff.links import LinkPurpose

    with context.db.write() as conn:
        user, now = users.named(conn, email), context.clock()
        if no_second_factor:
            accounts.switch_off(conn, context.staff_mail, user, now)
            acts.record(conn, context, Verb.TOTP_OFF, "user", str(user.id))
        made = links.issue(conn, context.keyring, LinkPurpose.RESET, user.id, user.email, now)
        acts.record(conn, context, Verb.MAKE_LINK, "user", str(user.id))
    return f"{context.console_url}/reset/{made.token}"


def _first_link(context: AppContext) -> str:
    from campaigns.staff import links, users
    from campaigns.staff.audit import Verb
    from campaigns.staff.links import LinkPurpose

    with context.db.write() as conn:
        if users.has_administrator(conn):
            raise InputError(_("there is an administrator already; name the person: postiljon user setup-link EMAIL"))
        token = links.make(conn, LinkPurpose.SETUP, None, "", context.clock())
        acts.record(conn, context, Verb.MAKE_LINK, "user", "")
    return f"{context.console_url}/setup?token={token}"


def _known(names: list[str], hint: str) -> list[str]:
    """Return the names of roles as they are kept. Raises ``typer.BadParameter``."""
    from campaigns.staff import rights, users

    found = [rights.role(name) for name in names]
    if None in found:
        words = ", ".join(users.ROLES)
        raise typer.BadParameter(_("choose one of {words}").format(words=words), param_hint=hint)
    return [role.value for role in found if role is not None]


def _as_json(user: User) -> dict[str, object]:
    return {
        "email": user.email,
        "name": user.name,
        "roles": [role.value for role in user.roles],
        "second_factor": user.has_totp,
        "invited": not user.has_password,
    }


def _line_of_stdin() -> str:
    import sys

    try:
        return sys.stdin.buffer.readline(LONGEST_PASSWORD).decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise InputError(_("the password on standard input is not text in UTF-8")) from None
