"""Questions before an act: asked on a terminal alone, since a script cannot answer one.

Raises ``typer.BadParameter`` without a terminal, ``typer.Abort`` for a *no*.
"""

from __future__ import annotations

import sys

import typer

from campaigns.cli.output import _


def confirm(sentence: str) -> None:
    """Ask a question; return after a *yes*."""
    require_terminal()
    typer.confirm(sentence, abort=True)


def require_terminal() -> None:
    """Require a terminal, since a question needs one."""
    if not sys.stdin.isatty():
        raise typer.BadParameter(_("add it, or answer on a terminal"), param_hint="--yes")
