"""``backup``: one archive of the installation, made while it runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.cli.administration import Json
from campaigns.cli.output import _, complain, number, say, tell, translated

if TYPE_CHECKING:
    from campaigns.ops.backup.making import BackupMade

_MEGABYTE = 1_000_000
_PEOPLE = "contact"  # the table that says how large an installation is
PassphraseFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help=_("A file with the passphrase on its one line; default: as set."))
]


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(
        "backup",
        help=_("Write everything into one archive, while the service runs: database, secrets, journal, settings."),
        epilog=_("Example: postiljon backup --to /backup --keep 14 --passphrase-file /etc/postiljon/passphrase"),
    )(backup)


def backup(
    to: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help=_("The folder of archives; default: as set, else data/backups.")),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help=_("Keep the newest N of this installation; default: as set, else all.")),
    ] = None,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Make a backup."""
    from campaigns.context import context_for_backup
    from campaigns.ops.backup import making

    context = context_for_backup()
    try:
        made = making.back_up(context, making.planned(context, to, keep, passphrase_file), datetime.now(UTC))
    finally:
        context.close()
    if as_json:
        tell(made.as_json())
    else:
        say_made(made)


def say_made(made: BackupMade) -> None:
    """Say the archive that was made, and the files and settings that are not in it."""
    size = f"{made.size / 1_000_000:.1f} MB" if made.size >= _MEGABYTE else f"{-(-made.size // 1000)} kB"
    text = _("Made, and read back whole: {path} ({size}, contacts {people}, lines of the journal {lines}).")
    people, lines = number(made.manifest.rows.get(_PEOPLE, 0)), number(made.manifest.journal_lines)
    say(text.format(path=made.archive, size=size, people=people, lines=lines))
    if made.encrypted:
        say(_("It is encrypted. Without the passphrase it is lost: keep that in another place than the archive."))
    else:
        say(_("It is not encrypted, and has addresses and secrets in it: keep it where nobody else can read it."))
    if made.manifest.from_environment:
        names = ", ".join(made.manifest.from_environment)
        say(_("Not in it, since the environment has them; keep them yourself: {names}").format(names=names))
    for words in made.left_out:
        complain(_("warning") + f": {translated(words)}")
    for path in made.removed:
        say(_("Removed, as older than those to keep: {path}").format(path=path))
