"""``check``, ``render``, ``test``: a letter before it is sent."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.cli.administration import Json
from campaigns.cli.opening import open_context
from campaigns.cli.output import (
    _,
    faults,
    ngettext,
    one_fault,
    report_waiting,
    say,
    tell,
    translated,
    writable,
    writing,
)

if TYPE_CHECKING:
    from campaigns.context import AppContext
    from mailer.errors import Fault
    from mailer.transport.base import Result

File = Annotated[Path, typer.Argument(help=_("The campaign file."))]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(
        "check",
        help=_("Find every fault and warning in a campaign file, and ask DNS about its sender."),
        epilog=_("Example: postiljon check denkt-u-mee.md"),
    )(check)
    app.command(
        "render",
        help=_("Write the exact bytes that a contact gets."),
        epilog=_("Example: postiljon render denkt-u-mee.md --contact ester@example.org --out ester.eml"),
    )(render)
    app.command(
        "test",
        help=_("Send a marked test mail to addresses of your own."),
        epilog=_("Example: postiljon test denkt-u-mee.md me@example.org"),
    )(send_test)


def check(
    file: File,
    dns: Annotated[bool, typer.Option("--dns/--no-dns", help=_("Ask DNS about the sender."))] = True,
    as_json: Json = False,
) -> int:
    """Find the faults of a campaign file."""
    from campaigns.lifecycle import preparation, reachability
    from campaigns.ops.doctor import contact_missing
    from campaigns.review import columns
    from campaigns.source.campaign_source import from_folder

    context = open_context()
    source = from_folder(file, context.launch_config.brand)
    prepared, found = preparation.examine(context.launch_config, source, context.clock())
    asked = columns.of_source(context.db, source)
    found += asked.warnings
    if dns and prepared is not None:
        found += _ask_dns(
            context, str(file), prepared.definition.from_address, prepared.definition.lines.get("from", 0)
        )
    about = reachability.advice(context.launch_config.link_target)
    found += [fault for fault in about if fault.severity == "error"]
    beside = contact_missing(context) + [fault for fault in about if fault.severity == "warning"]  # about the set-up
    context.close()
    errors = [fault for fault in found if fault.severity == "error"]
    warnings = [fault for fault in found if fault.severity == "warning"]
    if as_json:
        tell({"ok": not errors, "faults": [fault.as_json() for fault in found + beside], "notes": asked.notes})
        return 1 if errors else 0
    for fault in beside:
        say(one_fault(fault))
    if errors:
        faults(found)
        return 1
    for warning in warnings:
        say(one_fault(warning))
    for note in asked.notes:
        say(note)
    if warnings:
        text = ngettext(
            "It can go out; there is {number} warning.", "It can go out; there are {number} warnings.", len(warnings)
        )
        say(text.format(number=len(warnings)))
    else:
        say(_("It can go out: no problems found."))
    return 0


def _ask_dns(context: AppContext, file: str, address: str, line: int) -> list[Fault]:
    from campaigns.ops.doctor import sender_of
    from campaigns.review import preflight

    return preflight.examine(sender_of(context, address), file, line, preflight.asker(context.campaign.dns))


def render(
    file: File,
    contact: Annotated[str, typer.Option(metavar="EMAIL", help=_("Who gets it; default: nobody in particular."))] = "",
    out: Annotated[Path | None, typer.Option(metavar="FILE.eml", help=_("Where to; default: standard output."))] = None,
    as_json: Json = False,
) -> None:
    """Write one letter to a file."""
    from campaigns.review import preview
    from campaigns.source.campaign_source import from_folder
    from mailer import files
    from mailer.errors import InputError

    if out and files.same(out, file):
        raise InputError(_("{path} is the letter itself: name another file to write to").format(path=out))
    if out:
        writable(out)
    context = open_context()
    source = from_folder(file, context.launch_config.brand)
    content = preview.message(context.launch_config, context.worker_deps(), source, contact)
    context.close()
    if out is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    with writing(out) as letter:
        letter.write(content)
    if as_json:
        tell({"file": str(out), "bytes": len(content)})
    else:
        say(_("Written: {path}, {number} bytes.").format(path=out, number=len(content)))


def send_test(
    file: File,
    addresses: Annotated[list[str], typer.Argument(help=_("Where the test mail goes to."))],
    as_json: Json = False,
) -> int:
    """Send a test mail."""
    from campaigns.lifecycle import reachability
    from campaigns.review import preview
    from campaigns.source.campaign_source import from_folder

    context = open_context()
    links = reachability.links_only_here(context.launch_config.link_target)
    source = from_folder(file, context.launch_config.brand)
    options = preview.TrialOptions(report_waiting)
    results = preview.send_tests(context.launch_config, context.worker_deps(), source, addresses, options)
    context.close()
    if as_json:
        told = [fault.as_json() for fault in links]
        tell({"results": [{"address": address, **_result(result)} for address, result in results], "warnings": told})
        return 0
    for fault in links:
        say(one_fault(fault))
    for address, result in results:
        say(f"{address}: {_outcome(result)}")
    return 0


def _result(result: Result) -> dict[str, object]:
    from mailer.transport.base import Replied

    if isinstance(result, Replied):
        return {"code": result.code, "text": result.text}
    return {"code": 0, "text": result.why}


def _outcome(result: Result) -> str:
    found = _result(result)
    code = int(str(found["code"]))
    if 200 <= code < 300:
        return _("accepted")
    if code:
        return _("refused: {code} {text}").format(code=code, text=found["text"])
    return _("not sent: {why}").format(why=translated(str(found["text"])))
