"""Options that may be before or after the name of every command: ``--config FILE``, ``--version``.

Promises: the named file is in force for this command and for the processes that it starts. It is not in force for
another command that runs in this process later. Raises ``UsageError`` for an option without a file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from campaigns.cli.output import _
from mailer.errors import UsageError
from mailer.settings_file import VARIABLE

CONFIG, VERSION = "--config", "--version"


def register(app: typer.Typer) -> None:
    """Have ``--help`` list these options."""
    app.callback()(_everywhere)


def _everywhere(
    config: Annotated[
        Path | None, typer.Option(CONFIG, metavar="FILE", help=_("The settings file; may also follow the command."))
    ] = None,
    version: Annotated[bool, typer.Option(VERSION, help=_("Print the version."))] = False,
) -> None:
    """Options of every command."""


def split(arguments: Sequence[str]) -> tuple[list[str], str | None]:
    """Return the arguments without ``--config FILE``, and the file (the last one counts).

    Nothing is taken behind ``--``.
    """
    rest: list[str] = []
    file, waiting = None, iter(arguments)
    for word in waiting:
        if word == "--":
            return [*rest, word, *waiting], file
        if word == CONFIG:
            file = next(waiting, "")
        elif word.startswith(f"{CONFIG}="):
            file = word.partition("=")[2]
        else:
            rest.append(word)
        if file == "":
            raise UsageError(_("--config needs the name of a file, such as /etc/postiljon/postiljon.toml"))
    return rest, file


@contextmanager
def using(file: str | None) -> Iterator[None]:
    """Use this file inside the block, also for child processes."""
    if file is None:
        yield
        return
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = file
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
