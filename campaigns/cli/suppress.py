"""``contacts suppress``: staff hold back all mail to an address, because its owner asked or objects (GDPR 18, 21).

Nothing is deleted and nothing is sent; letters on their way are not sent either. There is no command to lift it: only
the person can, by signing up and confirming it from the mailbox.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.cli import acts
from campaigns.cli.administration import Json
from campaigns.cli.opening import open_context
from campaigns.cli.output import _, ngettext, number, say, tell
from campaigns.cli.rejects import Rejects, refuse_place

if TYPE_CHECKING:
    from campaigns.context import AppContext
    from unsubscribe.holding import Held

ONLY_THEY = _("Only the person can lift this, by signing up and confirming it.")


def suppress(
    emails: Annotated[list[str] | None, typer.Argument(metavar="[EMAIL]...", help=_("These addresses."))] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            help=_("A list: a CSV file with a column of addresses, or one on each line. - is standard input.")
        ),
    ] = None,
    rejects: Annotated[Path | None, typer.Option(help=_("Write the rejected lines to this file."))] = None,
    as_json: Json = False,
) -> None:
    """Suppress an address."""

    if bool(emails) == bool(file):
        raise typer.BadParameter(_("name addresses, or a file with them"), param_hint="EMAIL, --file")
    if file and file.is_dir():
        raise typer.BadParameter(_("{path} is a folder; name a CSV file").format(path=file), param_hint="--file")
    if file and rejects:
        refuse_place(rejects, file)
    context = open_context()
    if file:
        _hold_file(context, file, rejects, as_json)
    else:
        _hold(context, emails or [], as_json)
    acts.note(context, "suppress", "contact", "")
    context.close()


def _hold(context: AppContext, emails: list[str], as_json: bool) -> None:
    from mailer.address import parse
    from mailer.signing import address_hash
    from unsubscribe import holding

    keys = {parse(email).key: email for email in emails}
    hashes = {key: address_hash(context.pepper, key) for key in keys}
    with context.db.write() as conn:
        held = holding.hold_some(conn, hashes, context.clock())
    if as_json:
        told = [{"address": keys[key]} | _as_json(item) for key, item in held.items()]
        tell({"suppressed": True} | _as_json(next(iter(held.values()))) if len(told) == 1 else {"suppressed": told})
        return
    for key, item in held.items():
        say(_("From now on no mail goes to {email}. Nothing was deleted.").format(email=keys[key]))
        if not item.known:
            say(_("Nobody is known under this address; an import may bring it in, and it still gets no mail."))
    say(ONLY_THEY)


def _as_json(item: Held) -> dict[str, object]:
    return {"known": item.known, "again": item.again, "topics": list(item.topics)}


def _hold_file(context: AppContext, file: Path, rejects: Path | None, as_json: bool) -> None:
    from unsubscribe import holding

    with Rejects(rejects) as rejected:
        done = holding.hold_file(context.db, file, context.pepper, context.clock(), rejected.take)
    if as_json:
        counts = {"addresses": done.addresses, "known": done.known, "again": done.again, "rejected": done.rejected}
        tell({"suppressed": True} | counts | {"rejects": rejected.as_json()})
        return
    text = ngettext(
        "From now on no mail goes to {number} address. Nothing was deleted.",
        "From now on no mail goes to {number} addresses. Nothing was deleted.",
        done.addresses,
    )
    say(text.format(number=number(done.addresses)))
    text = _("Known here: {known}; held back by hand before: {again}; lines without an address: {rejected}.")
    say(text.format(known=number(done.known), again=number(done.again), rejected=number(done.rejected)))
    rejected.show(file)
    say(ONLY_THEY)
