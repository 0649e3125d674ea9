"""``contacts import|export|show|suppress|erase|consent``: people, and what is known of them."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaigns.cli.house import Json
from campaigns.cli.output import _, complain, ngettext, number, say, tell, writing_text
from campaigns.cli.proof import Email, show_consent
from campaigns.cli.rejects import Rejects
from campaigns.cli.suppressing import suppress
from campaigns.terminal import on_one_line

if TYPE_CHECKING:
    from datetime import datetime

    from unsubscribe.contacts import Contact
    from unsubscribe.importing import Summary

_BETWEEN = 50_000  # objects between two collections of garbage; an import makes many and no circles: a tenth faster


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
        help=_("Send a person no more mail, because they ask or object. Only they can lift it, by signing up again."),
        epilog=_("Example: postiljon contacts suppress ester@example.org"),
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


def import_file(
    file: Annotated[Path, typer.Argument(help=_("A CSV file; the first line names the columns."))],
    topic: Annotated[str, typer.Option(help=_("What they are subscribed to; made if it does not exist."))],
    basis: Annotated[str, typer.Option(help=_("consent, customer, member or public_task."))],
    source: Annotated[str, typer.Option(help=_("Where the addresses come from."))] = "",
    date: Annotated[str, typer.Option(help=_("Since when: year-month-day."))] = "",
    rejects: Annotated[Path | None, typer.Option(help=_("Write the rejected rows to this file."))] = None,
    as_json: Json = False,
) -> int:
    """Read them in."""
    from campaigns.app import open_house
    from unsubscribe.importing import Plan
    from unsubscribe.importing import import_file as read_in

    if file.is_dir():
        raise typer.BadParameter(_("{path} is a folder; name a CSV file").format(path=file), param_hint="FILE")
    if rejects and file.exists() and rejects.exists() and rejects.samefile(file):
        raise typer.BadParameter(_("name another file than the one that is read"), param_hint="--rejects")
    house = open_house(say=_)
    gc.set_threshold(_BETWEEN)
    statement, since = _statement(basis, source, date)
    plan = Plan(topic, statement, house.pepper, since)
    with Rejects(rejects) as rejected, _Progress() as progress:
        summary = read_in(house.db, file, plan, house.clock(), reject=rejected.take, progress=progress.show)
    house.close()
    if as_json:
        tell(summary.as_json() | {"rejects": rejected.as_json()})
    else:
        _print_summary(summary)
        rejected.show(file)
    return 0


def _statement(basis: str, source: str, date: str) -> tuple[Any, datetime | None]:
    """On what the mail rests; the day in UTC."""
    from datetime import UTC, datetime, time

    from campaigns.moments import day
    from unsubscribe.consent import BASES, make_statement

    if basis not in BASES:
        raise typer.BadParameter(_("choose one of {words}").format(words=", ".join(BASES)), param_hint="--basis")
    if not date:
        return make_statement(basis, source), None
    try:
        found = day(date, _)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--date") from None
    return make_statement(basis, source, found.isoformat()), datetime.combine(found, time(), UTC)


class _Progress:
    """Rows so far, on a terminal."""

    def __init__(self) -> None:
        self._status: Any = None

    def __enter__(self) -> _Progress:
        import sys

        if sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True).status("…")
            self._status.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._status:
            self._status.stop()

    def show(self, summary: Summary) -> None:
        """How far it is."""
        if self._status:
            self._status.update(
                ngettext("{number} row", "{number} rows", summary.rows).format(number=number(summary.rows))
            )


def _print_summary(summary: Summary) -> None:
    text = _("{added} added, {updated} updated, {unchanged} as they were, {rejected} rejected. Nobody was mailed.")
    say(
        text.format(
            added=number(summary.added),
            updated=number(summary.updated),
            unchanged=number(summary.unchanged),
            rejected=number(summary.rejected),
        )
    )
    if summary.kept_out:
        text = ngettext("{number} stays opted out.", "{number} stay opted out.", summary.kept_out)
        say(text.format(number=number(summary.kept_out)))
    if summary.suppressed:
        text = ngettext(
            "{number} is held back for another reason.",
            "{number} are held back for another reason.",
            summary.suppressed,
        )
        say(text.format(number=number(summary.suppressed)))


def export(
    file: Annotated[Path, typer.Argument(help=_("The CSV file to write."))],
    topic: Annotated[str, typer.Option(help=_("Only those who are subscribed to this topic."))] = "",
    as_json: Json = False,
) -> None:
    """Write them out."""
    from campaigns.app import open_house
    from unsubscribe import exporting

    house = open_house(say=_)
    with writing_text(file) as out:
        done = exporting.export(house.db, out, topic or None)
    house.close()
    count = done.contacts
    for address in done.broken:
        complain(BROKEN.format(email=address))
    if as_json:
        tell({"file": str(file), "contacts": count, "broken": list(done.broken)})
        return
    text = ngettext("{number} person written to {path}.", "{number} people written to {path}.", count)
    say(text.format(number=number(count), path=file))


def show(email: Email, as_json: Json = False) -> None:
    """Show them."""
    from campaigns.app import open_house
    from mailer import suppression
    from unsubscribe import contacts

    house = open_house(say=_)
    with house.db.read() as conn:
        person = _known(conn, email)
        topics = contacts.subscriptions(conn, person.id)
        why = suppression.why(conn, person.address_hash, suppression.EVERYTHING, house.clock())
    house.close()
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
    """The contact; ``InputError`` when nobody has that address."""
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
    """Erase them."""
    import sys

    from campaigns.app import open_house
    from unsubscribe import erasing

    if not yes:
        if not sys.stdin.isatty():
            raise typer.BadParameter(_("add it, or answer on a terminal"), param_hint="--yes")
        typer.confirm(_("Erase {email}? It cannot be taken back.").format(email=email), abort=True)
    house = open_house(say=_)
    erased = erasing.erase_address(house.db, email, house.pepper, house.clock())
    house.close()
    if as_json:
        tell({"erased": erased is not None, "contact": erased.contact_id if erased else None})
    elif erased:
        say(_("Erased. A keyed hash stays, so that no import brings this address back."))
    else:
        say(_("Nobody is known under this address; no import will bring it in."))
