"""``serve`` and ``worker``: the commands that run for months."""

from __future__ import annotations

from typing import Annotated

import typer

from campaigns.cli.output import _, complain


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(
        "serve",
        help=_("Serve the public pages and the console, and send planned campaigns at their hour."),
        epilog=_("Example: postiljon serve --port 8000 --workers 2"),
    )(serve)
    app.command(
        "worker",
        help=_("A sender alone: sends what is due, launches what is planned."),
        epilog=_("Example: postiljon worker"),
    )(worker)


def serve(
    host: Annotated[str, typer.Option(help=_("The address to listen on."))] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help=_("The port to listen on."))] = 8000,
    public_only: Annotated[
        bool, typer.Option("--public-only", help=_("Only the public pages: no console, no sender."))
    ] = False,
    console_only: Annotated[
        bool, typer.Option("--console-only", help=_("Only the console: no public pages, no sender."))
    ] = False,
    workers: Annotated[int, typer.Option(min=0, max=64, help=_("How many senders."))] = 1,
    init: Annotated[
        bool, typer.Option("--init", help=_("First make database and secrets where there are none; migrate nothing."))
    ] = False,
) -> int:
    """Serve the public pages and the console, and send."""
    if public_only and console_only:
        raise typer.BadParameter(_("it excludes --public-only"), param_hint="--console-only")
    if init:
        _begin()
    from campaigns.runtime.supervisor import Pages, ServeOptions
    from campaigns.runtime.supervisor import serve as run

    pages: Pages = "public" if public_only else "console" if console_only else "all"
    return run(ServeOptions(host, port, workers if pages == "all" else 0, pages), complain)


def _begin() -> None:
    """Make a new installation, and say so."""
    from campaigns.ops.first_start import install_new

    made = install_new()
    if made and made.secrets_file:
        complain(_("New secrets: {path}. Put them into your backup.").format(path=made.secrets_file))
    if made:
        complain(_("New database: {database}").format(database=made.database))


def worker() -> int:
    """Send, without the public pages."""
    from campaigns.runtime.supervisor import send_forever

    return send_forever()
