"""``contacts import|export|show|suppress|erase|consent``: contacts, and the data kept about them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaigns.cli import acts
from campaigns.cli.administration import Json
from campaigns.cli.asking import confirm
from campaigns.cli.consent import Email, show_consent
from campaigns.cli.importing import import_file
from campaigns.cli.opening import open_context
from campaigns.cli.output import _, complain, ngettext, number, say, tell, writable, writing_text
from campaigns.cli.suppress import suppress
from campaigns.terminal import on_one_line

if TYPE_CHECKING:
    from unsubscribe.contacts import Contact


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(
        help=_("People, and what they are subscribed to."),
        epilog=_("Example: postiljon contacts import members.csv --topic verenigingsnieuws --basis member"),
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    group.command(
        "import",
        help=_("Read people from a CSV file: email, name, language, and any other column as an attribute."),
        epilog=_("Example: postiljon contacts import members.csv --topic verenigingsnieuws --basis member"),
    )(import_file)
    group.command(
        "export",
        help=_("Write people to a CSV file that is safe to open in a spreadsheet."),
        epilog=_("Example: postiljon contacts export people.csv --topic verenigingsnieuws"),
    )(export)
    group.command(
        "show",
        help=_("Show what is known of a person."),
        epilog=_("Example: postiljon contacts show ester@example.org"),
    )(show)
    group.command(
        "suppress",
        help=_("Send people no more mail, because they ask or object. Only they can lift it, by signing up again."),
        epilog=_("Example: postiljon contacts suppress --file afgemeld.csv"),
    )(suppress)
    group.command(
        "erase",
        help=_("Erase a person: nothing but a keyed hash stays, so that no import brings them back."),
        epilog=_("Example: postiljon contacts erase ester@example.org --yes"),
    )(erase)
    group.command(
        "consent",
        help=_("Show and verify what a person agreed to, when and on which words."),
        epilog=_("Example: postiljon contacts consent ester@example.org"),
    )(show_consent)
    app.add_typer(group, name="contacts")


def export(
    file: Annotated[Path, typer.Argument(help=_("The CSV file to write."))],
    topic: Annotated[str, typer.Option(help=_("Only those who are subscribed to this topic."))] = "",
    as_json: Json = False,
) -> None:
    """Write the contacts to a file."""
    from unsubscribe import exporting

    writable(file)
    context = open_context()
    with writing_text(file) as out:
        done = exporting.export(context.db, out, topic or None, context.clock())
    acts.note(context, "download", "contact", "", ("contacts",))
    context.close()
    count = done.contacts
    for address in done.broken:
        complain(BROKEN.format(email=address))
    if as_json:
        tell({"file": str(file), "contacts": count, "broken": list(done.broken)})
        return
    text = ngettext("{number} person written to {path}.", "{number} people written to {path}.", count)
    say(text.format(number=number(count), path=file))


def show(email: Email, as_json: Json = False) -> None:
    """Show one contact."""
    from mailer import suppression
    from unsubscribe import contacts

    context = open_context()
    with context.db.read() as conn:
        person = _known(conn, email)
        topics = contacts.subscriptions(conn, person.id)
        why = suppression.why(conn, person.address_hash, suppression.EVERYTHING, context.clock())
    acts.note(context, "look_up", "contact", str(person.id))
    context.close()
    found = {
        "email": person.email,
        "name": person.name,
        "language": person.language,
        "topics": topics,
        "suppressed": why is not None,
        "attributes": dict(person.attributes),
    }
    if as_json:
        tell(found)
        return
    say(on_one_line(f"{person.email}  {person.name}".rstrip()))
    for slug, state in topics.items():
        say(f"  {slug}: {_(TOPIC_STATES[state])}")
    for name, value in person.attributes.items():
        say(on_one_line(f"  {name} = {value if isinstance(value, str) else ', '.join(value)}"))
    if person.broken:
        complain(BROKEN.format(email=person.email))
    if why:
        say("  " + _("Held back for all mail: {reason}").format(reason=why))


BROKEN = _(
    "The further details of {email} cannot be read; another program has changed them. An import writes them anew."
)
TOPIC_STATES = {"subscribed": _("subscribed"), "pending": _("has yet to confirm"), "opted_out": _("opted out")}


def _known(conn: Any, email: str) -> Contact:
    """Return the contact; raises ``InputError`` when no contact has that address."""
    from mailer.errors import InputError
    from unsubscribe import contacts

    found = contacts.find(conn, email)
    if found is None:
        raise InputError(_("nobody is known under {email}").format(email=email))
    return found


def erase(
    email: Email,
    yes: Annotated[bool, typer.Option("--yes", help=_("Do not ask."))] = False,
    as_json: Json = False,
) -> None:
    """Erase one contact."""
    from unsubscribe import erasing

    if not yes:
        confirm(_("Erase {email}? It cannot be taken back.").format(email=email))
    context = open_context()
    erased = erasing.erase_address(context.db, email, context.pepper, context.clock())
    acts.note(context, "erase", "contact", str(erased.contact_id) if erased else "")
    context.close()
    if as_json:
        tell({"erased": erased is not None, "contact": erased.contact_id if erased else None})
    elif erased:
        say(_("Erased. A keyed hash stays, so that no import brings this address back."))
    else:
        say(_("Nobody is known under this address; no import will bring it in."))
