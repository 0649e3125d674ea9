"""``restore``, and ``restored``: the work to do once after a backup was put back by hand, before anything is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.cli.administration import Json
from campaigns.cli.backups import PassphraseFile
from campaigns.cli.opening import open_context
from campaigns.cli.output import _, complain, ngettext, number, people, say, tell

if TYPE_CHECKING:
    from campaigns.ops.restore.carrying_out import RestoreDone
    from campaigns.ops.restoring import Restored


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(
        "restore",
        help=_("Put an archive of 'postiljon backup' into an empty place, and make it safe to send from."),
        epilog=_("Example: postiljon restore /backup/postiljon-20260901T030000Z.tar.gz"),
    )(restore)
    app.command(
        "restored",
        help=_("After a backup was put back: hold what may have left since, and take opt-outs from the journal."),
        epilog=_("Example: postiljon restored"),
    )(restored)


def restore(
    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE", help=_("The archive."))],
    passphrase_file: PassphraseFile = None,
    journal: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=_("A newer copy of the journal, with what readers said since the backup.")),
    ] = None,
    as_json: Json = False,
) -> None:
    """Restore an archive."""
    from campaigns.ops.backup.encryption import passphrase_in
    from campaigns.ops.restore import carrying_out

    passphrase = passphrase_in(passphrase_file) if passphrase_file else None
    done = carrying_out.restore(archive, passphrase, journal, datetime.now(UTC))
    if as_json:
        tell(done.as_json())
        return
    _say_restore(done)


def _say_restore(done: RestoreDone) -> None:
    made_at = done.manifest.made_at.replace("T", " ").replace("+00:00", " UTC")
    if done.ended_before:
        text = _("This archive was restored here already, at {at}. Nothing was done.")
        say(text.format(at=done.ended_before.replace("T", " ").replace("+00:00", " UTC")))
        return
    count = people(done.manifest.rows.get("contact", 0))
    say(
        _("Restored: {database}, as it was at {made_at}, with {people}.").format(
            database=done.database, made_at=made_at, people=count
        )
    )
    for one in done.files:
        if not one.in_place:
            text = _("Look at {path}: its place was taken, or is outside the folders of this installation.")
            complain(text.format(path=one.path))
    if done.missing:
        text = _("Set these again; the environment had them, so they are not in the archive: {names}")
        complain(text.format(names=", ".join(done.missing)))
    say_restored(done.restored)


def restored(as_json: Json = False) -> None:
    """Make it safe to send again."""
    from campaigns.ops.restoring import restored as carry_out
    from mailer.journal import FILE, Journal

    context = open_context()
    done = carry_out(context.db, Journal(context.data / FILE), context.clock())
    context.close()
    if as_json:
        tell(done.as_json())
        return
    say_restored(done)


def say_restored(done: Restored) -> None:
    """Say the held campaigns, the requests from the journal, and the decisions that are left to a person."""
    for slug, waiting in done.held.items():
        text = _("{slug} is held; {people} may have got it after the backup. Compare with the log of your mail server.")
        say(text.format(slug=slug, people=people(waiting)))
    for slug in done.unknown:
        text = _("{slug} was launched after the backup and is cancelled here; who got it stands in the log only.")
        say(text.format(slug=slug))
    say(
        _("Taken from the journal: opt-outs and other wishes {wishes}, people erased again {erased}.").format(
            wishes=number(done.wishes), erased=number(done.erased)
        )
    )
    if done.unreadable:
        text = ngettext(
            "{number} line of the journal cannot be read and was left out: was the file changed, or cut off?",
            "{number} lines of the journal cannot be read and were left out: was the file changed, or cut off?",
            done.unreadable,
        )
        complain(text.format(number=number(done.unreadable)))
    if done.held:
        say(_("Then 'postiljon resume SLUG' sends to all who wait, 'postiljon cancel SLUG' to none of them."))
