"""``contacts import``: contacts from a CSV file, and the outcome for each row and each column."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaigns.cli import acts
from campaigns.cli.administration import Json
from campaigns.cli.opening import open_context
from campaigns.cli.output import _, ngettext, number, say, tell
from campaigns.cli.rejects import Rejects, refuse_place

if TYPE_CHECKING:
    from datetime import datetime

    from unsubscribe.importing import ImportSummary

_BETWEEN = 50_000  # objects between two garbage collections; an import makes many and no cycles: a tenth faster
_SHOWN = 25  # columns that are listed on the terminal
_GUESSED = "cp1252"
ELSEWHERE = {
    "unsubscribed": _("unsubscribed"),
    "blocked": _("blocked for all mail"),
    "undeliverable": _("undeliverable"),
    "complaint": _("complained"),
    "unconfirmed": _("not confirmed (not stored)"),
}
USED_AS = {
    "address": _("the address"),
    "name": _("the name"),
    "part of the name": _("a part of the name"),
    "language": _("the language"),
    "status": _("who is kept out"),
    "date of subscribing": _("the day of subscribing"),
    "attributes": _("attributes"),
    "left out": _("left out"),
}
_SIGNS = {",": _("comma"), ";": _("semicolon"), "\t": _("tab")}


def import_file(
    file: Annotated[Path, typer.Argument(help=_("A CSV file; the first line names the columns. - is standard input."))],
    topic: Annotated[str, typer.Option(help=_("What they are subscribed to; made if it does not exist."))],
    basis: Annotated[str, typer.Option(help=_("consent, customer, member or public_task."))],
    source: Annotated[str, typer.Option(help=_("Where the addresses come from."))] = "",
    date: Annotated[str, typer.Option(help=_("Since when: year-month-day."))] = "",
    rejects: Annotated[Path | None, typer.Option(help=_("Write the rejected rows to this file."))] = None,
    encoding: Annotated[str, typer.Option(help=_("The encoding of the file, such as windows-1250."))] = "",
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HEAD=USE",
            help=_(
                "Use a column as something else: attribute, email, name, first, infix, last, language, salutation, "
                "status, date or none (left out)."
            ),
        ),
    ] = None,
    as_json: Json = False,
) -> int:
    """Import the contacts of a file."""
    from unsubscribe.contacts.sheet import Reading
    from unsubscribe.importing import ImportJob, import_contacts

    if file.is_dir():
        raise typer.BadParameter(_("{path} is a folder; name a CSV file").format(path=file), param_hint="FILE")
    if rejects:
        refuse_place(rejects, file)
    reading = Reading(encoding, _columns(column or ()))
    statement, since = _statement(basis, source, date)
    context = open_context()
    gc.set_threshold(_BETWEEN)
    job = ImportJob(topic, statement, context.pepper, since, reading=reading)
    with Rejects(rejects) as rejected, _Progress() as progress:
        summary = import_contacts(context.db, file, job, context.clock(), reject=rejected.take, progress=progress.show)
    acts.note(context, "import", "topic", topic)
    context.close()
    if as_json:
        tell(summary.as_json() | {"rejects": rejected.as_json()})
    else:
        _print_summary(summary)
        rejected.show(file)
    return 0


def _columns(given: list[str] | tuple[str, ...]) -> dict[str, str]:
    found = {}
    for item in given:
        head, sign, use = item.rpartition("=")
        if not sign or not head.strip():
            raise typer.BadParameter(_("write HEAD=USE, such as status=attribute"), param_hint="--column")
        found[head.strip()] = use.strip().lower()
    return found


def _statement(basis: str, source: str, date: str) -> tuple[Any, datetime | None]:
    """Return the legal basis of the mail, and its day in UTC."""
    from datetime import UTC, datetime, time

    from campaigns.source.local_time import day
    from unsubscribe.consent import BASES, make_statement

    if basis not in BASES:
        raise typer.BadParameter(_("choose one of {words}").format(words=", ".join(BASES)), param_hint="--basis")
    if not date:
        return make_statement(basis, source), None
    try:
        found = day(date)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--date") from None
    return make_statement(basis, source, found.isoformat()), datetime.combine(found, time(), UTC)


class _Progress:
    """Shows the number of rows so far, on a terminal."""

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

    def show(self, summary: ImportSummary) -> None:
        """Show how many rows were read."""
        if self._status:
            self._status.update(
                ngettext("{number} row", "{number} rows", summary.rows).format(number=number(summary.rows))
            )


def _print_summary(summary: ImportSummary) -> None:
    text = _("{added} added, {updated} updated, {unchanged} as they were, {rejected} rejected. Nobody was mailed.")
    say(
        text.format(
            added=number(summary.added),
            updated=number(summary.updated),
            unchanged=number(summary.unchanged),
            rejected=number(summary.rejected),
        )
    )
    here = summary.kept_out - sum(summary.elsewhere.values())
    if here:
        text = ngettext("{number} stays opted out.", "{number} stay opted out.", here)
        say(text.format(number=number(here)))
    if summary.elsewhere:
        kinds = ", ".join(
            f"{number(count)} {ELSEWHERE[kind]}" for kind, count in summary.elsewhere.items() if kind in ELSEWHERE
        )
        say(_("Kept out, as the file says: {kinds}.").format(kinds=kinds))
    if summary.suppressed:
        text = ngettext(
            "{number} is held back for another reason.",
            "{number} are held back for another reason.",
            summary.suppressed,
        )
        say(text.format(number=number(summary.suppressed)))
    _print_file(summary)


def _print_file(summary: ImportSummary) -> None:
    """Print how the file was read: the use of each column, encoding, separator, empty rows."""
    told = [f"{item['head'] or '–'}: {_used_as(item['used_as'])}" for item in summary.columns[:_SHOWN]]
    left = len(summary.columns) - len(told)
    told += [_("… and {number} more").format(number=number(left))] if left else []
    say(_("Columns: {columns}.").format(columns="; ".join(told)))
    if summary.program:
        say(_("This is an export of {program}; its own bookkeeping is left out.").format(program=summary.program))
    sign = _SIGNS.get(summary.delimiter, repr(summary.delimiter))
    if summary.guessed:
        text = _(
            "Read as {encoding}, separator {sign}. The encoding is a guess: if names look wrong, save the file as "
            "UTF-8, or import it again with --encoding, such as windows-1250."
        )
    else:
        text = _("Read as {encoding}, separator {sign}.")
    name = "windows-1252" if summary.encoding == _GUESSED else summary.encoding
    say(text.format(encoding=name.upper() if name.startswith("utf") else name, sign=sign))
    if summary.empty:
        text = ngettext("{number} empty row was passed over.", "{number} empty rows were passed over.", summary.empty)
        say(text.format(number=number(summary.empty)))


def _used_as(use: str) -> str:
    kind, _sign, name = use.partition(" ")
    if kind == "attribute" and name:
        return _("attribute {name}").format(name=name)
    return USED_AS.get(use, use)
