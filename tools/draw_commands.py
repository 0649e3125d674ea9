"""Writes ``docs/commands.md`` from the commands themselves: ``python -m tools.draw_commands``.

The page has the words of ``--help``, in English, whatever the language of the terminal. What is
not in the help, such as exit codes, stands in :data:`HEAD`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from campaigns.cli.main import app

PAGE = Path(__file__).parent.parent / "docs" / "commands.md"
HEAD = """\
# Commands

Written from the commands themselves by `make docs-commands`; a test says when this page is old. Each has `--help`,
with an example.

**Exit codes.** 0: done, also when some were refused or are in doubt (they are printed). 1: the input is wrong.
2: typed wrongly, also a value or an address that cannot be read. 3: stopped before the end; can be run again.

**For programs.** Commands that report take `--json`: one object or list on one line of standard output, errors
included. Results go to standard output, complaints and progress to standard error. The language is that of the
terminal (`LC_ALL`, `LC_MESSAGES`, `LANG`): English or Dutch.

**`status SLUG --json`** has `campaign`, `state`, `reason`, and the integers `recipients`, `waiting`, `sending`,
`accepted`, `retry`, `refused`, `skipped`, `in_doubt`, `bounced` and `complained`. The integers after `recipients` add
up to it. Fields that are added later are never integers at this level.

**With every command**: `--config FILE`, before or behind its name, names the file of settings. `postiljon --version`
prints the version.

**Settings** come from the environment and from a file, `postiljon.toml` in the working directory or
`/etc/postiljon/postiljon.toml`: [settings](settings.md).

**As whom**: a command is run as the owner of the data folder. As another user, root too, it is refused, and says how it
is typed.
"""


def page() -> str:
    """Return the whole page, in the language of the environment: run it with an English one."""
    root: Any = typer.main.get_command(app)
    return "\n".join([HEAD, *(line for name, command in leaves(root, "postiljon") for line in _entry(name, command))])


def leaves(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Each command that does something, by the name that is typed."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for word, below in inner.items():
        yield from leaves(below, f"{name} {word}")


def _entry(name: str, command: Any) -> Iterator[str]:
    shown = [parameter for parameter in command.params if not parameter.hidden and parameter.name != "help"]
    arguments = [_metavar(item) for item in shown if item.param_type_name == "argument"]
    options = [item for item in shown if item.param_type_name == "option"]
    yield from (f"### {name}", "", _plain(command.help or ""), "")
    yield from ("```", " ".join([name, *arguments, *(["[OPTIONS]"] if options else [])]), "```", "")
    rows = [
        f"| `{_metavar(item)}` | {_plain(item.help or '')} |" for item in shown if item.param_type_name == "argument"
    ]
    rows += [f"| {_names(item)} | {_plain(item.help or '')}{_default(item)} |" for item in options]
    if rows:
        yield from ("| | |", "| --- | --- |", *rows, "")
    if command.epilog:
        example = re.sub(r"^Example:\s*", "", command.epilog.strip())
        yield from ("```", *(f"$ {line.strip()}" for line in example.splitlines()), "```", "")


def _metavar(item: Any) -> str:
    name = (item.metavar or item.name).upper()
    name = f"{name}…" if item.nargs == -1 else name
    return name if item.required else f"[{name}]"


def _names(item: Any) -> str:
    names = ", ".join(f"`{name}`" for name in (*item.opts, *item.secondary_opts))
    return names if item.is_flag else f"{names} `{(item.metavar or item.name).upper()}`"


def _default(item: Any) -> str:
    default = item.default
    if item.is_flag or callable(default) or default in (None, "", ()) or isinstance(default, list):
        return ""
    return f" Default `{default}`."


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    if sys.argv[1:] == ["--print"]:
        sys.stdout.write(page())
    else:
        PAGE.write_text(page(), "utf-8")
