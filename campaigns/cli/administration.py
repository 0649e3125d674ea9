"""``init``, ``doctor``, ``dkim key``, ``demo``: the installation itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.cli.output import LANGUAGE, _, complain, report_waiting, say, tell, translated

if TYPE_CHECKING:
    from campaigns.ops.installation import Installed, Naming

Json = Annotated[bool, typer.Option("--json", help=_("Print JSON, errors included."))]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("init", help=_("Make or migrate the database and the secrets."), epilog=_("Example: postiljon init"))(
        init
    )
    app.command(
        "doctor",
        help=_("Look whether all is well: settings, secrets, database, counters, relay, DNS of a sender."),
        epilog=_("Example: postiljon doctor --from info@vng.nl"),
    )(doctor)
    dkim = typer.Typer(
        help=_("Keys that sign letters (DKIM)."),
        epilog=_("Example: postiljon dkim key --domain vng.nl"),
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    dkim.command(
        "key",
        help=_("Make a DKIM key and print its DNS record; prints the record of a key that is there."),
        epilog=_("Example: postiljon dkim key --selector news2026 --domain vng.nl --out dkim.pem"),
    )(dkim_key)
    dkim.callback()(_group)
    app.add_typer(dkim, name="dkim")
    app.command(
        "demo",
        help=_("Send the example newsletter on this machine alone, to a built-in catcher, and show it."),
        epilog=_("Example: postiljon demo"),
    )(demo)


def _group() -> None:
    """Return a group of commands."""


def init(
    organisation: Annotated[str, typer.Option(metavar="NAME", help=_("The name of your organisation."))] = "",
    contact: Annotated[
        str, typer.Option(metavar="ADDRESS", help=_("Its mail address: service mail comes from it, pages show it."))
    ] = "",
    as_json: Json = False,
) -> None:
    """Make or migrate the installation."""
    from campaigns.migrations import HEAD
    from campaigns.ops.installation import install, naming

    given = naming(organisation, contact)
    done = install()
    if not as_json:
        _say_installed(done, HEAD)
    file, address = _name_organisation(given, ask=not as_json and not (organisation or contact))
    if as_json:
        files = {"secrets_file": str(done.secrets_file) if done.secrets_file else None}
        tell({"database": done.database, "before": done.before, "schema": HEAD, **files, "contact": address or None})
        return
    if file:
        say(_("Written: {path}.").format(path=file))
    if not address:
        text = _(
            "Next: say from which address readers get service mail. Until then signing up is closed.\n"
            "   postiljon init --organisation {name} --contact {address}"
        )
        say(text.format(name=_('"My organisation"'), address="info@example.org"))


def _name_organisation(given: Naming, *, ask: bool) -> tuple[Path | None, str]:
    """Store the names given or typed now; return the file, if one was written, and the address in force."""
    import sys

    from campaigns.ops.installation import naming
    from mailer.settings import read
    from unsubscribe.settings import ReaderSettings

    known = read(ReaderSettings)
    if ask and not known.contact and sys.stdin.isatty():
        contact = typer.prompt(_("Mail address of your organisation (Enter: later)"), default="", show_default=False)
        organisation = ""
        if contact and not known.organisation:
            organisation = typer.prompt(_("Its name (Enter: that of the brand)"), default="", show_default=False)
        given = naming(organisation, contact)
    file = given.write()
    return file, read(ReaderSettings).contact


def _say_installed(done: Installed, schema: str) -> None:
    if done.secrets_file:
        say(_("New secrets: {path}. Put them into your backup.").format(path=done.secrets_file))
    if done.before is None:
        say(_("New database: {database}").format(database=done.database))
    elif done.before == schema:
        say(_("Nothing to do: {database} is up to date.").format(database=done.database))
    else:
        say(
            _("Migrated: {database}, from {before} to {after}.").format(
                database=done.database, before=done.before, after=schema
            )
        )


def doctor(
    sender: Annotated[str, typer.Option("--from", help=_("Also ask DNS about this sender address."))] = "",
    as_json: Json = False,
) -> int:
    """Check the installation."""
    from campaigns.ops.doctor import examine

    findings = examine(sender, report_waiting)
    if as_json:
        tell({"ok": all(item.kind != "error" for item in findings), "findings": [item.as_json() for item in findings]})
    else:
        marks = {"ok": _("good"), "warning": _("look"), "error": _("WRONG")}
        for item in findings:
            say(f"{marks[item.kind]:>6}  {translated(item.subject)}: {translated(item.words)}")
    return 1 if any(item.kind == "error" for item in findings) else 0


def dkim_key(
    selector: Annotated[str, typer.Option(help=_("The name of the key in DNS; default: as set, else postiljon."))] = "",
    domain: Annotated[str, typer.Option(help=_("The domain of the From address; default: as set."))] = "",
    out: Annotated[
        Path | None, typer.Option(help=_("The file of the private key; default: as set, else dkim-SELECTOR.pem."))
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a key, or show the DNS record of the existing one."""
    from campaigns.ops.dkim_keys import make_or_read, wanted
    from campaigns.settings.configuration import KINDS
    from mailer.settings import MailerSettings, read
    from mailer.settings_base import unknown
    from mailer.settings_file import in_use

    key = wanted(read(MailerSettings, data=Path(os.devnull)), selector, domain, out)  # it needs none of our secrets
    if key is None:
        raise typer.BadParameter(_("say which domain signs: that of the From address"), param_hint="--domain")
    for fault in unknown(KINDS, secrets=False):
        complain(_("warning") + f": {translated(fault.words)}")
    found = make_or_read(key)
    if as_json:
        tell({"file": str(key.path), "made": found.made, "name": found.name, "type": "TXT", "record": found.record})
        return
    made, kept = _("New private key: {path} (mode 0600)"), _("This key was there already and is kept: {path}")
    say((made if found.made else kept).format(path=key.path))
    form = _("1. Put this record into DNS. In a form:\n   name   {name}\n   type   TXT\n   value  {record}")
    say(form.format(name=found.name, record=found.record))
    say(_("   The same in a zone file:"))
    say(f"   {found.zone_line}")
    say(_("2. Then put these lines into {path}:").format(path=in_use()))
    say(f'   dkim_key = "{key.path}"\n   dkim_selector = "{key.selector}"\n   dkim_domain = "{key.domain}"')
    say(_("3. Look whether DNS has it: postiljon check FILE"))


def demo(
    folder: Annotated[Path, typer.Option(help=_("The folder of the demo; it is kept."))] = Path("demo-data"),
    port: Annotated[int, typer.Option(help=_("The port of the public pages."))] = 8000,
    catcher_port: Annotated[int, typer.Option(help=_("The port of the page that shows the mail."))] = 8025,
    language: Annotated[str | None, typer.Option(help=_("nl or en; default: that of the environment."))] = None,
) -> int:
    """Run the demo."""
    from campaigns.demo import DemoOptions, run

    return run(DemoOptions(folder=folder, port=port, catcher_port=catcher_port, language=language or LANGUAGE))
