"""``status``: how many people got the letter, how many did not and why, and why nothing happens now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from campaigns.cli import output
from campaigns.cli.administration import Json
from campaigns.cli.deliveries import list_people
from campaigns.cli.opening import open_context
from campaigns.cli.output import _, number, say, tell, translated


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(
        "status",
        help=_("Say who got a campaign, who not and why; without a slug, list all campaigns."),
        epilog=_("Example: postiljon status denkt-u-mee --people refused"),
    )(status)


def status(
    slug: Annotated[str | None, typer.Argument(help=_("The slug of the campaign; default: list all."))] = None,
    chosen: Annotated[
        str, typer.Argument(metavar="[STATE|REASON]", help=_("With --people: only those; default: not accepted."))
    ] = "",
    people: Annotated[
        bool, typer.Option("--people", help=_("List the people, why, and what the server said of each."))
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help=_("With --people: write CSV."))] = None,
    as_json: Json = False,
) -> None:
    """Print the status of a campaign."""
    from campaigns.lifecycle import records, report
    from campaigns.ops import surroundings

    if (chosen or out) and not (people and slug):
        raise typer.BadParameter(_("it goes with --people and a campaign"), param_hint=chosen or "--out")
    if out:
        output.writable(out)
    context = open_context()
    if slug and people:
        with context.db.read() as conn:
            listed = report.people(conn, records.get(conn, slug), chosen)
            list_people(slug, listed, out, as_json)
        context.close()
        return
    with context.db.read() as conn:
        if slug is None:
            found = report.all_statuses(conn)
            tell(found) if as_json else _print_list(found)
            for line in [] if as_json else report.service_mail(conn, context.clock(), context.reader.timezone):
                say(_("Service mail: {words}").format(words=line.words))
            for item in [] if as_json else surroundings.proxies(context):
                if item.kind == "warning":
                    say(f"{translated(item.subject)}: {translated(item.words)}")
            return
        campaign = records.get(conn, slug)
        one = report.of_campaign(conn, campaign)
        why = report.why_nothing(conn, campaign, context.clock())
    if as_json:
        tell({**one, "details": {**one["details"], "why_nothing": why}})
        return
    print_status(one)
    for sentence in why:
        say(sentence)
    context.close()


def print_status(status: Mapping[str, Any]) -> None:
    """Print the numbers with their words; zeros are left out."""
    from campaigns.lifecycle import report

    state = _(report.STATES[status["state"]])
    reason = f" ({translated(report.reason_words(status['reason']))})" if status["reason"] else ""
    say(f"{status['campaign']}: {state}{reason}")
    outcomes = status.get("details", {}).get("outcomes", [])
    planned = status.get("details", {}).get("people_now")
    if planned is not None:
        say("  " + _("{people} now; counted again when it starts").format(people=output.people(planned)))
        return
    rows = [(_("People"), status["recipients"])]
    rows += [(translated(report.words_of(one["state"], one["reason"])), one["people"]) for one in outcomes]
    width = max(28, *(len(words) + 2 for words, _people in rows))
    for words, count in rows:
        say(f"  {words:<{width}}{number(count):>12}")
    details = status.get("details", {})
    until = datetime.fromisoformat(details["held_until"]) if details.get("held_until") else None
    for sentence in report.held_words(details.get("held_words", ""), until, details.get("timezone", "")):
        say(sentence)
    later = details.get("next_retry_at")
    if status["retry"] and later:
        text = _("Left for a later attempt: {number}, the first from {when} on.")
        say(text.format(number=number(status["retry"]), when=_local(later, status)))
    if status["in_doubt"]:
        text = _("In doubt: {number}. 'postiljon doubt {slug}' lists them.")
        say(text.format(number=number(status["in_doubt"]), slug=status["campaign"]))


def _print_list(found: list[dict[str, Any]]) -> None:
    from campaigns.lifecycle import report

    if not found:
        say(_("There is no campaign yet."))
    for status in found:
        done = _("{accepted} of {recipients} accepted").format(
            accepted=number(status["accepted"]), recipients=number(status["recipients"])
        )
        say(f"{status['campaign']:<32} {_(report.STATES[status['state']]):<20} {done}")


def _local(moment: str, status: Mapping[str, Any]) -> str:
    from campaigns.source.local_time import local_text

    return local_text(datetime.fromisoformat(moment), status["details"]["timezone"] or "UTC")
