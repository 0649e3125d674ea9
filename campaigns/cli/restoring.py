"""``restored``: the work to do once after a backup was put back, before anything is sent."""

from __future__ import annotations

import typer

from campaigns.cli.administration import Json
from campaigns.cli.opening import open_context
from campaigns.cli.output import _, complain, ngettext, number, people, say, tell


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(
        "restored",
        help=_("After a backup was put back: hold what may have left since, and take opt-outs from the journal."),
        epilog=_("Example: postiljon restored"),
    )(restored)


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
    say(_("Then 'postiljon resume SLUG' sends to all who wait, 'postiljon cancel SLUG' to none of them."))
