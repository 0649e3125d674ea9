"""``schedule``, ``send``, ``pause``, ``resume``, ``cancel``, ``doubt``: a campaign on its way."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.cli import acts
from campaigns.cli.administration import Json
from campaigns.cli.asking import confirm, require_terminal
from campaigns.cli.opening import open_context
from campaigns.cli.output import _, complain, ngettext, number, one_fault, people, say, tell

if TYPE_CHECKING:
    from campaigns.context import AppContext
    from campaigns.lifecycle.compiling import CompileProcess
    from campaigns.lifecycle.preparation import PreparedCampaign
    from campaigns.lifecycle.records import Campaign
    from mailer.outbox import Doubt
    from mailer.outbox.values import DoubtChoice

Slug = Annotated[str, typer.Argument(help=_("The slug of the campaign."))]
File = Annotated[Path, typer.Argument(help=_("The campaign file."))]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(
        "schedule",
        help=_("Plan a campaign for its hour; the serving process sends it."),
        epilog=_("Example: postiljon schedule denkt-u-mee.md --at '2026-12-02 09:00'"),
    )(schedule)
    app.command(
        "send",
        help=_("Send a campaign now and wait until it is done. Run again, it carries on and sends nothing twice."),
        epilog=_("Example: postiljon send denkt-u-mee.md --yes"),
    )(send)
    app.command("pause", help=_("Stop a campaign for a while."), epilog=_("Example: postiljon pause denkt-u-mee"))(
        pause
    )
    app.command(
        "resume",
        help=_("Let a paused or held campaign go on, where it was. Sets the state and returns."),
        epilog=_("Example: postiljon resume denkt-u-mee"),
    )(resume)
    app.command(
        "cancel",
        help=_("Stop a campaign for good: who has not got it yet will not get it."),
        epilog=_("Example: postiljon cancel denkt-u-mee"),
    )(cancel)
    app.command(
        "doubt",
        help=_("List who may have got it or not, or decide: send again, or treat as sent."),
        epilog=_("Example: postiljon doubt denkt-u-mee --send-again ester@example.org"),
    )(doubt)


def schedule(
    file: File,
    at: Annotated[str, typer.Option(metavar="WHEN", help=_("The hour, instead of send_at in the file."))] = "",
    as_json: Json = False,
) -> None:
    """Plan a campaign."""
    from campaigns.lifecycle import launch, report
    from campaigns.source.campaign_source import from_folder
    from campaigns.source.local_time import local_text

    context = open_context()
    source = from_folder(file, context.launch_config.brand)
    campaign = launch.schedule(context.launch_config, source, context.clock(), at, partial(_warn_of_columns, context))
    acts.note(context, "plan", "campaign", campaign.slug)
    with context.db.read() as conn:
        status = report.of_campaign(conn, campaign)
    context.close()
    if as_json:
        tell(status)
        return
    assert campaign.send_at is not None  # noqa: S101 - it was planned
    when = local_text(campaign.send_at, campaign.timezone or "UTC")
    say(
        _("Planned: {slug} goes out on {when}, to {people} as of now.").format(
            slug=campaign.slug, when=when, people=people(status["details"]["people_now"])
        )
    )
    say(_("Who joins or leaves before that hour is counted. 'postiljon serve' or 'postiljon worker' must run then."))


def send(
    file: Annotated[Path, typer.Argument(help=_("The campaign file; with --refused, the slug."))],
    yes: Annotated[bool, typer.Option("--yes", help=_("Do not ask."))] = False,
    refused: Annotated[
        str,
        typer.Option(
            "--refused",
            metavar="REASON",
            help=_("Only again to those who were refused for this reason, once its cause is mended."),
        ),
    ] = "",
    as_json: Json = False,
) -> int:
    """Send a campaign."""
    if refused:
        return _send_refused(str(file), refused, yes, as_json)
    from campaigns.lifecycle.compiling import CompileProcess

    with CompileProcess(import_the_sender) as compile_process:
        return _send(file, yes, as_json, compile_process)


def _send(file: Path, yes: bool, as_json: bool, compile_process: CompileProcess) -> int:
    from campaigns.lifecycle import launch
    from campaigns.lifecycle.states import CampaignState
    from campaigns.source.campaign_source import from_folder

    context = open_context()
    try:
        _warn(context, as_json)
        if not yes:
            require_terminal()
        source = from_folder(file, context.launch_config.brand)
        config = replace(context.launch_config, compile=compile_process.compile)
        campaign = launch.start(
            config, source, context.clock(), lambda prepared: _confirm_letter(context, prepared, yes)
        )
        acts.note(context, "send", "campaign", campaign.slug)
        code, words = 0, ""
        if campaign.state not in (CampaignState.SENDING, CampaignState.FINISHED):
            code, words = 1 if campaign.state is CampaignState.CANCELLED else 3, _why_not(context, campaign)
        return _send_rest(context, campaign, (code, words), as_json)
    finally:
        context.close()


def import_the_sender() -> None:
    """Import the modules of the next step, while the letter is compiled."""
    import gc

    import unsubscribe.tokens  # noqa: F401

    gc.freeze()  # modules stay: no garbage collection has to scan them again


def _warn(context: AppContext, as_json: bool) -> None:
    """Print the warnings about the public address, or refuse to send."""
    from campaigns.lifecycle import reachability

    reachability.refuse(context.launch_config.link_target)
    for fault in [] if as_json else reachability.advice(context.launch_config.link_target):
        say(one_fault(fault))


def _confirm_letter(context: AppContext, prepared: PreparedCampaign, yes: bool) -> None:
    """Show the warnings; unless ``yes``, ask to confirm a sentence with the number of people."""
    _warn_of_columns(context, prepared)
    if yes:
        return
    from campaigns.lifecycle import audience, segments

    keep = segments.keep(prepared.definition.segment, prepared.definition.language)
    with context.db.read() as conn:
        count = audience.count(conn, prepared.definition.topic, keep)
    sentence = _('{people} will get "{subject}" now. Send it?')
    confirm(sentence.format(people=people(count), subject=prepared.definition.subject))


def _warn_of_columns(context: AppContext, prepared: PreparedCampaign) -> None:
    """Warn of columns that a letter uses and contacts do not have; the user may still stop."""
    from campaigns.review import columns

    for fault in columns.of_source(context.db, prepared.source).warnings:
        complain(one_fault(fault))


def _send_rest(context: AppContext, campaign: Campaign, so_far: tuple[int, str], as_json: bool) -> int:
    """Send the rest of a launched campaign, and print the outcome."""
    from campaigns.lifecycle import report
    from campaigns.lifecycle.states import CampaignState

    code, words = so_far
    if campaign.state is CampaignState.SENDING:
        from campaigns.cli.progress import send_with_progress

        code, words = send_with_progress(context, campaign)
    with context.db.read() as conn:
        status = report.status(conn, campaign.slug)
    _print_end(status, words, as_json)
    return code


def _send_refused(slug: str, reason: str, yes: bool, as_json: bool) -> int:
    """Send again to contacts that were refused for a reason."""
    from campaigns.lifecycle import control, reachability

    context = open_context()
    try:
        reachability.refuse(context.launch_config.link_target)
        again = control.refused(context.db, slug, reason)
        if not yes:
            text = _('{people} of {slug}, refused for "{reason}", will get it now. Send it?')
            confirm(text.format(people=people(again), slug=slug, reason=reason))
        done = control.send_refused(context.db, slug, reason, context.clock())
        acts.note(context, "send_again", "campaign", slug)
        if not as_json:
            say(_("Sent again to {people}.").format(people=people(done.rows)))
        return _send_rest(context, done.campaign, (0, ""), as_json)
    finally:
        context.close()


def _why_not(context: AppContext, campaign: Campaign) -> str:
    from campaigns.lifecycle import report

    with context.db.read() as conn:
        return report.why_not(conn, campaign)


def _print_end(status: dict[str, object], words: str, as_json: bool) -> None:
    """Print the outcome, and how many contacts are left for later."""
    if as_json:
        tell(status | ({"message": words} if words else {}))
        return
    from campaigns.cli.status import print_status

    print_status(status)
    if words:
        complain(words)


def pause(slug: Slug, as_json: Json = False) -> None:
    """Pause a campaign."""
    from campaigns.lifecycle import control

    context = open_context()
    campaign = control.pause(context.db, slug, acts.who(), context.clock())
    acts.note(context, "pause", "campaign", slug)
    waiting = _tell_or_count(context, campaign, as_json, "waiting", "retry")
    if not as_json:
        text = ngettext(
            "Paused. {number} person is still waiting.", "Paused. {number} people are still waiting.", waiting
        )
        say(text.format(number=number(waiting)))


def resume(slug: Slug, as_json: Json = False) -> None:
    """Resume a campaign."""
    from campaigns.lifecycle import control

    context = open_context()
    campaign = control.resume(context.launch_config, slug, context.clock())
    acts.note(context, "resume", "campaign", slug)
    _tell_or_count(context, campaign, as_json)
    if not as_json:
        say(_("{slug} carries on where it was; nobody gets it twice.").format(slug=slug))
        say(_("'postiljon serve' or 'postiljon worker' sends it; so does 'postiljon send' with its file."))


def cancel(slug: Slug, as_json: Json = False) -> None:
    """Stop a campaign for good."""
    from campaigns.lifecycle import control

    context = open_context()
    campaign = control.cancel(context.db, slug, context.clock())
    acts.note(context, "stop", "campaign", slug)
    skipped = _tell_or_count(context, campaign, as_json, "skipped")
    if not as_json:
        text = ngettext(
            "Stopped for good. {number} person was left out in all.",
            "Stopped for good. {number} people were left out in all.",
            skipped,
        )
        say(text.format(number=number(skipped)))


def doubt(
    slug: Slug,
    addresses: Annotated[list[str] | None, typer.Argument(help=_("Only these; default: all in doubt."))] = None,
    send_again: Annotated[bool, typer.Option("--send-again", help=_("Send again: it may arrive twice."))] = False,
    treat_as_sent: Annotated[bool, typer.Option("--treat-as-sent", help=_("Treat as sent: it may be missed."))] = False,
    as_json: Json = False,
) -> None:
    """List the deliveries in doubt, or decide them."""
    from campaigns.lifecycle import control

    if send_again and treat_as_sent:
        raise typer.BadParameter(_("choose one of the two"), param_hint="--send-again, --treat-as-sent")
    context = open_context()
    if send_again or treat_as_sent:
        choice: DoubtChoice = "send_again" if send_again else "treat_as_sent"
        decided = control.decide(context.db, slug, choice, addresses or [], context.clock())
        acts.note(context, "decide", "campaign", slug, (choice,))
        if as_json:
            tell({"campaign": slug, "decided": decided.rows, "choice": choice, "state": decided.campaign.state.value})
        else:
            say(_decided(choice, decided.rows))
    else:
        with context.db.read() as conn:
            found = control.doubts(conn, slug)
        chosen = {address.lower() for address in addresses or []}
        _list_doubts(slug, [item for item in found if not chosen or item.address.lower() in chosen], as_json)
    context.close()


def _decided(choice: str, rows: int) -> str:
    if choice == "send_again":
        text = ngettext(
            "Sent again to {number} person; it may arrive twice.",
            "Sent again to {number} people; it may arrive twice.",
            rows,
        )
    else:
        text = ngettext("Treated as sent: {number} person.", "Treated as sent: {number} people.", rows)
    return text.format(number=number(rows))


def _list_doubts(slug: str, found: list[Doubt], as_json: bool) -> None:
    if as_json:
        rows = [
            {"address": item.address, "at": item.at, "attempt": item.attempt, "words": item.words} for item in found
        ]
        tell({"campaign": slug, "doubts": rows})
        return
    if not found:
        say(_("Nobody is in doubt."))
        return
    text = ngettext("{number} person: we do not know.", "{number} people: we do not know.", len(found))
    say(text.format(number=number(len(found))))
    say(_("The connection was lost after their mail was offered and before the answer came. They may have it, or not."))
    for item in found:
        say(f"  {item.address}  {item.at:%Y-%m-%d %H:%M:%S} UTC" if item.at else f"  {item.address}")
    say(_("Decide with --send-again (may arrive twice) or --treat-as-sent (may be missed)."))


def _tell_or_count(context: AppContext, campaign: Campaign, as_json: bool, *states: str) -> int:
    """Print the status as JSON if wanted; return how many deliveries are in any of these states."""
    from campaigns.lifecycle import report

    with context.db.read() as conn:
        status = report.of_campaign(conn, campaign)
    context.close()
    if as_json:
        tell(status)
    return sum(int(status[name]) for name in states)
