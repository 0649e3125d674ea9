"""``campaign``: a campaign from the console to a folder, and from a file to the console."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.cli.administration import Json
from campaigns.cli.opening import open_context
from campaigns.cli.output import _, complain, say, tell, writing
from mailer import files
from mailer.errors import InputError

if TYPE_CHECKING:
    from campaigns.lifecycle.draft_files import ExportedCampaign, Taken
    from campaigns.staff.audit import Origin

_LARGEST = 50_000_000


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(
        help=_("Campaigns of the console as files, and back."),
        epilog=_("Example: postiljon campaign export denkt-u-mee letters"),
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    group.command(
        "export",
        help=_("Write the text of a campaign and its images to a folder."),
        epilog=_("Example: postiljon campaign export denkt-u-mee letters"),
    )(export)
    group.command(
        "take",
        help=_("Bring a campaign file and its images to the console, where it is changed from then on."),
        epilog=_("Example: postiljon campaign take denkt-u-mee letters/denkt-u-mee.md"),
    )(take)
    app.add_typer(group, name="campaign")


def export(
    slug: Annotated[str, typer.Argument(help=_("The slug of the campaign."))],
    folder: Annotated[Path, typer.Argument(help=_("Where the files go; made if it is not there."))],
    as_json: Json = False,
) -> None:
    """Write a campaign to a folder."""
    from campaigns.lifecycle import draft_files
    from campaigns.staff import audit
    from campaigns.staff.audit import Act, Verb

    context = open_context()
    with context.db.read() as conn:
        found = draft_files.exported(conn, slug)
    written = _write(found, folder)
    with context.db.write() as conn:
        audit.record(conn, _origin(), Act(Verb.EXPORT, "campaign", slug), context.clock())
    context.close()
    if as_json:
        tell({"campaign": slug, "files": [str(path) for path in written], "brand": found.brand})
        return
    for path in written:
        say(str(path))
    if context.campaign.brand:
        text = _("Its brand is that of the installation, {path}: copy that file by hand if it is needed elsewhere.")
        say(text.format(path=context.campaign.brand))


def take(
    slug: Annotated[str, typer.Argument(help=_("The slug of the campaign; the file names the same one."))],
    file: Annotated[Path, typer.Argument(help=_("The campaign file; its images lie beside it."))],
    as_json: Json = False,
) -> None:
    """Bring a campaign file to the console."""
    from campaigns.lifecycle import draft_files
    from campaigns.staff import audit
    from campaigns.staff.audit import Act, Verb

    given = draft_files.read_file(file)
    named = given.source.definition.slug
    if named != slug:
        text = _("{path} is the file of {found}, not of {slug}: change its slug, or name the other campaign")
        raise InputError(text.format(path=file, found=named, slug=slug))
    context = open_context()
    with context.db.write() as conn:
        origin = _origin()
        taken = draft_files.take(conn, given, origin.actor, context.clock())
        fields = ("source", "images")
        audit.record(conn, origin, Act(Verb.TAKE_OVER, "campaign", slug, fields), context.clock())
    context.close()
    _tell_taken(slug, taken, as_json)


def _tell_taken(slug: str, taken: Taken, as_json: bool) -> None:
    if as_json:
        tell(
            {
                "campaign": slug,
                "new": taken.is_new,
                "version": taken.draft.version.number,
                "images": sorted(taken.draft.version.images),
                "left_out": list(taken.left_out),
                "brand": taken.brand,
            }
        )
        return
    if taken.is_new:
        say(_("{slug} is a new draft in the console; it is changed there from now on.").format(slug=slug))
    else:
        text = _("{slug} has a new version in the console, number {number}; it is changed there from now on.")
        say(text.format(slug=slug, number=taken.draft.version.number))
    for name in taken.left_out:
        complain(_("{path} is no picture that mail programs show; it was left out.").format(path=name))
    if taken.brand:
        text = _("The brand file {path} was left out: a campaign of the console has the brand of the installation.")
        complain(text.format(path=taken.brand))


def _write(found: ExportedCampaign, folder: Path) -> list[Path]:
    """Write the files that are not there already with the same content; return their paths."""
    written = []
    for name, data in found.files.items():
        path = folder / name
        _make_folder(path.parent)
        if not _is_there(path, data):
            with writing(path) as file:
                file.write(data)
        written.append(path)
    return written


def _make_folder(folder: Path) -> None:
    try:
        files.make_folder(folder)
    except OSError as error:
        raise InputError(
            _("{path} cannot be written: {why}").format(path=folder, why=error.strerror or error)
        ) from None


def _is_there(path: Path, data: bytes) -> bool:
    try:
        return files.read(path, _LARGEST) == data
    except OSError:
        return False


def _origin() -> Origin:
    """Return the origin of what this command does, for the audit trail."""
    from campaigns.staff.audit import Origin

    try:
        return Origin.of_command(getpass.getuser())
    except (OSError, KeyError):
        return Origin.of_command("?")
