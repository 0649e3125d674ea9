"""``service install`` and ``service uninstall``: Postiljon as services of systemd."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.cli.administration import Json
from campaigns.cli.output import _, complain, say, tell, translated
from mailer.errors import InputError

if TYPE_CHECKING:
    from campaigns.ops.service.host import Step
    from campaigns.ops.service.installing import Report
    from campaigns.ops.service.layout import Asked

_LONGEST_PASSWORD = 1_000  # bytes
Dry = Annotated[bool, typer.Option("--dry-run", help=_("Print every file and command; change nothing."))]
Root = Annotated[
    Path, typer.Option(metavar="FOLDER", help=_("Write below this folder, the root of another system; start nothing."))
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    service = typer.Typer(
        help=_("Postiljon as services of this machine (systemd)."),
        epilog=_("Example: postiljon service install --dry-run"),
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    service.command(
        "install",
        help=_("Install user, folders, settings, services, the nightly backup and the files for a proxy; as root."),
        epilog=_("Example: postiljon service install --public-name mail.example.org"),
    )(install)
    service.command(
        "uninstall",
        help=_("Remove the services and the files for a proxy; data, settings and backups stay. As root."),
        epilog=_("Example: postiljon service uninstall --dry-run"),
    )(uninstall)
    service.callback()(_group)
    app.add_typer(service, name="service")


def _group() -> None:
    """Return a group of commands."""


def install(
    public_name: Annotated[
        str, typer.Option(metavar="NAME", help=_("The name of the public pages, such as mail.example.org."))
    ] = "",
    public_url: Annotated[
        str, typer.Option(metavar="URL", help=_("Their address; default: https and that name."))
    ] = "",
    smtp_url: Annotated[
        str, typer.Option(metavar="URL", help=_("The mail server that relays, without a password."))
    ] = "",
    smtp_user: Annotated[str, typer.Option(metavar="NAME", help=_("The user with which to log in there."))] = "",
    smtp_password_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=_("A file with its password, which is copied into the settings.")),
    ] = None,
    organisation: Annotated[str, typer.Option(metavar="NAME", help=_("The name of your organisation."))] = "",
    contact: Annotated[
        str, typer.Option(metavar="ADDRESS", help=_("Its mail address: service mail comes from it, pages show it."))
    ] = "",
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help=_("The port on 127.0.0.1; default: as installed, else 8000."))
    ] = None,
    prefix: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help=_("The virtual environment of Postiljon; default: this one."))
    ] = None,
    root: Root = Path("/"),
    dry_run: Dry = False,
    as_json: Json = False,
) -> None:
    """Install the service."""
    from campaigns.ops.service import installing
    from campaigns.ops.service.host import Host
    from campaigns.ops.service.layout import Asked

    password = _password_in(smtp_password_file) if smtp_password_file else ""
    asked = Asked(organisation, contact, public_url, public_name, smtp_url, smtp_user, password, port)
    root = root.absolute()
    if not (dry_run or as_json or installing.has_settings(root)) and sys.stdin.isatty():
        asked = _ask(asked)
    report = installing.install((prefix or Path(sys.prefix)).absolute(), asked, Host(root, dry=dry_run))
    if as_json:
        tell(report.as_json() | {"dry_run": dry_run})
        return
    _say_steps(report, dry_run)
    _say_next(report, asked)


def _password_in(path: Path) -> str:
    """Return the line in a file."""
    from mailer import files

    try:
        text = files.read(path, _LONGEST_PASSWORD).decode().removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError):
        raise InputError(_("{path} cannot be read, or is not text in UTF-8").format(path=path)) from None
    if not text or "\n" in text:
        raise InputError(_("{path}: expected a file with one line, the password").format(path=path))
    return text


def _ask(asked: Asked) -> Asked:
    """Return the answers with those that a person types now."""
    from dataclasses import replace

    def answer(given: str, question: str, *, hidden: bool = False) -> str:
        return given or typer.prompt(question, default="", show_default=False, hide_input=hidden)

    user = asked.smtp_user
    url = asked.smtp_url or typer.prompt(
        _("Mail server that relays, such as smtp://relay.example.org:587 (Enter: later)"),
        default="",
        show_default=False,
    )
    if url and not asked.smtp_url:
        user = answer(user, _("User to log in there (Enter: none)"))
    password = answer(asked.smtp_password, _("Password (not shown)"), hidden=True) if user else ""
    name = asked.public_name
    if not asked.public_url:
        name = answer(name, _("Name of the public pages, such as mail.example.org (Enter: later)"))
    contact = answer(asked.contact, _("Mail address of your organisation (Enter: later)"))
    organisation = answer(asked.organisation, _("Its name (Enter: that of the brand)")) if contact else ""
    return replace(
        asked,
        smtp_url=url,
        smtp_user=user,
        smtp_password=password,
        public_name=name,
        contact=contact,
        organisation=organisation or asked.organisation,
    )


def _say_steps(report: Report, dry: bool) -> None:
    """Print the steps; of a dry run, every file with its content."""
    for step in report.steps:
        say(f"{_words(step, dry):>14}  {step.name}")
        if dry and step.content and step.outcome != "same":
            for line in step.content.splitlines():
                say(f"{'':>14}    {line}".rstrip())
        if step.outcome == "beside":
            text = _("It was changed here, and is kept. The new one is {path}: compare, and put it in place.")
            say(f"{'':>16}{text.format(path=step.name + '.new')}")
        elif step.outcome == "saved":
            text = _("It was changed here, and is kept as {path}.")
            say(f"{'':>16}{text.format(path=step.why)}")
    reasons = {step.why for step in report.steps if step.outcome == "left"}
    for why in sorted(reasons):
        say(_("Not started or run: {why}. Those commands are yours to run.").format(why=translated(why)))


def _words(step: Step, dry: bool) -> str:
    """Return the word for the outcome of a step; of a dry run, for the one to come."""
    done = {
        "made": _("made"),
        "same": _("as it was"),
        "kept": _("kept"),
        "replaced": _("renewed"),
        "beside": _("kept"),
        "removed": _("removed"),
        "saved": _("renamed"),
        "done": _("run"),
        "left": _("not run"),
    }
    would = {
        "made": _("would make"),
        "replaced": _("would renew"),
        "beside": _("would keep"),
        "removed": _("would remove"),
        "saved": _("would rename"),
        "done": _("would run"),
    }
    return would.get(step.outcome, done[step.outcome]) if dry else done[step.outcome]


def _say_next(report: Report, asked: Asked) -> None:
    settings = "/etc/postiljon/postiljon.toml"
    if report.obstacle:
        complain(_("It could not be installed like this: {why}.").format(why=translated(report.obstacle)))
    kept = any(step.name == settings and step.outcome == "kept" for step in report.steps)
    if kept and asked.values:
        names = ", ".join(asked.values)
        complain(_("{path} was there and is kept: set {names} in it yourself.").format(path=settings, names=names))
    if report.missing:
        text = _("Not set yet: {names}. Write them into {path}, then: systemctl restart postiljon")
        say(text.format(names=", ".join(report.missing), path=settings))
    if report.in_clear:
        say(_("Backups are not encrypted yet. Make a passphrase as the service's user:"))
        kept_in = "/etc/postiljon/backup-passphrase"
        say(f"   runuser -u postiljon -- sh -c 'umask 077 && openssl rand -base64 33 > {kept_in}'")
        text = _("keep a copy of it elsewhere, and write into {path}: {line}")
        say(text.format(path=settings, line=f'backup_passphrase_file = "{kept_in}"'))
    files = [step.name for step in report.steps if step.name.endswith(("/nginx.conf", "/Caddyfile"))]
    if files:
        say(_("Include one of these in your proxy: {files}.").format(files=", ".join(files)))
    elif "public_url" in report.missing:
        say(_("The files for a proxy are written once public_url is set: run this again then."))
    else:
        say(_("No file for a proxy was written: public_url is not https:// and a name alone. Write one yourself."))


def uninstall(root: Root = Path("/"), dry_run: Dry = False, as_json: Json = False) -> None:
    """Remove the service."""
    from campaigns.ops.service import installing
    from campaigns.ops.service.host import Host

    host = Host(root.absolute(), dry=dry_run)
    report = installing.uninstall(host)
    left = installing.remains(host)
    if as_json:
        tell(report.as_json() | {"dry_run": dry_run, "left": left})
        return
    _say_steps(report, dry_run)
    if not report.steps:
        say(_("Nothing to do: no service is installed."))
    if left:
        say(_("Settings, secrets, data, backups and user stay. Nobody can undo their removal:"))
        for command in left:
            say(f"   {command}")
