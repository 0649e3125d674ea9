"""``suppression list|lift``: addresses that get no mail because servers refused them, and how to lift that."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.cli import acts
from campaigns.cli.administration import Json
from campaigns.cli.opening import open_context
from campaigns.cli.output import _, people, say, tell

if TYPE_CHECKING:
    from campaigns.lifecycle.suppressions import Chosen, Lifted
    from mailer.suppression import SuppressionEntry

_Campaign = Annotated[str, typer.Option("--campaign", metavar="SLUG", help=_("Those that this campaign struck off."))]
_Since = Annotated[str, typer.Option("--since", metavar="DAY", help=_("Those since this day, such as 2026-11-27."))]


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(help=_("Who gets no mail since servers said so, and the way back."), no_args_is_help=True)
    group.command(
        "list",
        help=_("List who is held back as undeliverable; with an address, all that holds it back."),
        epilog=_("Example: postiljon suppression list --campaign denkt-u-mee"),
    )(list_)
    group.command(
        "lift",
        help=_("Send to them again: only undeliverable is lifted, the rest only the reader can lift."),
        epilog=_("Example: postiljon suppression lift --since 2026-11-27"),
    )(lift)
    app.add_typer(group, name="suppression")


def list_(
    email: Annotated[str, typer.Argument(help=_("One address."))] = "",
    campaign: _Campaign = "",
    since: _Since = "",
    as_json: Json = False,
) -> None:
    """List the *undeliverable* addresses."""
    from campaigns.lifecycle import suppressions

    chosen = _chosen(campaign, since)
    context = open_context()
    with context.db.read() as conn:
        if email:
            _tell_entries(email, suppressions.entries(conn, email, context.pepper), as_json)
            return
        found = suppressions.struck_off(conn, chosen)
    context.close()
    if as_json:
        tell([{"address": item.address, "since": item.since, "campaign": item.campaign} for item in found])
        return
    for item in found:
        address = item.address or _("(no contact has this address)")
        say(f"{address}  {item.since:%Y-%m-%d %H:%M} UTC  {item.campaign}".rstrip())
    say(people(len(found)) if found else _("Nobody."))


def lift(
    emails: Annotated[list[str] | None, typer.Argument(metavar="[EMAIL]...", help=_("These addresses."))] = None,
    campaign: _Campaign = "",
    since: _Since = "",
    as_json: Json = False,
) -> int:
    """Lift *undeliverable*."""
    from campaigns.lifecycle import suppressions
    from campaigns.staff.audit import Verb

    if bool(emails) == bool(campaign or since):
        raise typer.BadParameter(
            _("name addresses, or a campaign, a day or both"), param_hint="EMAIL, --campaign, --since"
        )
    chosen = _chosen(campaign, since)
    context = open_context()
    with context.db.write() as conn:
        done = suppressions.lift(conn, emails, context.pepper) if emails else []
        number = sum(item.lifted for item in done) if emails else suppressions.lift_all(conn, chosen)
        acts.record(conn, context, Verb.SUPPRESS, "contact", "", ("lifted",))
    context.close()
    if as_json:
        named = [{"address": item.address, "lifted": item.lifted, "left": list(item.left)} for item in done]
        tell({"lifted": number, "addresses": named})
        return 0
    for item in done:
        _say_lifted(item)
    say(_("Lifted: {people}. The next campaign is sent to them again.").format(people=people(number)))
    return 0


def _chosen(campaign: str, since: str) -> Chosen:
    from campaigns.lifecycle.suppressions import Chosen
    from campaigns.source.local_time import day

    if not since:
        return Chosen(campaign)
    try:
        first = day(since)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--since") from None
    return Chosen(campaign, datetime(first.year, first.month, first.day, tzinfo=UTC))


def _say_lifted(item: Lifted) -> None:
    left = ", ".join(_reason(reason) for reason in item.left)
    if left:
        text = _("{address}: still held back ({reasons}). Only the reader can lift that, by signing up and confirming.")
        say(text.format(address=item.address, reasons=left))
    elif not item.lifted:
        say(_("{address}: nothing holds it back.").format(address=item.address))


def _tell_entries(email: str, found: list[SuppressionEntry], as_json: bool) -> None:
    if as_json:
        tell([{"scope": item.scope, "reason": item.reason, "since": item.since, "until": item.until} for item in found])
        return
    for item in found:
        scope = item.scope or _("all mail")
        until = f" – {item.until:%Y-%m-%d}" if item.until else ""
        say(f"{scope}: {_reason(item.reason)}, {item.since:%Y-%m-%d}{until}")
    if not found:
        say(_("{address}: nothing holds it back.").format(address=email))


def _reason(reason: str) -> str:
    """Return why an address is held back, in the words of a campaign's status."""
    from campaigns.lifecycle.report import SKIPPED

    return _(SKIPPED[f"suppressed:{reason}"])
