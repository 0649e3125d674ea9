"""``postiljon``: the commands put together, and the exit code and words of each error (docs/commands.md)."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

import typer
from typer.exceptions import TyperException

from campaigns.cli import (
    administration,
    backups,
    common_options,
    contacts,
    letters,
    moving,
    people,
    restoring,
    sending,
    service,
    serving,
    status,
    suppressions,
    topics,
    upgrades,
)
from campaigns.cli.output import _, complain, error, tell
from campaigns.cli.usage import LONGEST_SHOWN, in_our_words, refuse_unreadable, usage_line
from campaigns.version import version_line
from mailer import files, resource_limits
from mailer.errors import InputError, MachineShort, PostiljonError

_INTERRUPTED = 130  # Typer's exit code for Ctrl-C

app = typer.Typer(
    name="postiljon",
    help=_("Email campaigns and newsletters: nobody lost, nobody mailed twice, an opt-out counts at once."),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
for module in (
    common_options,
    administration,
    people,
    contacts,
    suppressions,
    topics,
    letters,
    sending,
    status,
    moving,
    backups,
    restoring,
    upgrades,
    serving,
    service,
):
    module.register(app)


def main() -> None:
    """Run ``postiljon`` or ``python -m campaigns``."""
    os.umask(files.OTHERS)  # for files that libraries make (counters); our own files do not rely on it
    _have_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # characters that this terminal cannot show are escaped
            stream.reconfigure(errors="backslashreplace")
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except (OSError, ValueError):  # reported already, or no stream is left; the interpreter would try again
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(code)


def _have_streams() -> None:
    """Open closed standard streams on the null device: else the next opened file, a database, would get a number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


def run(arguments: Sequence[str]) -> int:
    """Run one command; return the exit code."""
    as_json = "--json" in arguments
    try:
        with resource_limits.named():
            refuse_unreadable(arguments)
            command, file = common_options.split(arguments)
            if command[:1] == [common_options.VERSION]:
                print(version_line())
                return 0
            with common_options.using(file):
                result = app(command, prog_name="postiljon", standalone_mode=False)
        if result == _INTERRUPTED:
            raise KeyboardInterrupt
        return result if isinstance(result, int) else 0
    except PostiljonError as found:
        error(found, as_json)
        return found.exit_code
    except TyperException as found:
        return _usage(found, as_json)
    except (KeyboardInterrupt, typer.Abort):
        complain(_("Stopped. Run it again to carry on; nobody gets anything twice."))
        return 3
    except BrokenPipeError:
        sys.stderr.close()
        return 3
    except OSError as found:
        named = _refused(found)
        error(named, as_json and bool(found.filename))  # without a name the refused file may be standard output
        return named.exit_code


def _refused(found: OSError) -> PostiljonError:
    """Return the error for a named file or folder that the system refuses.

    Without a name: the system's refusal of something else.
    """
    why = found.strerror or str(found)
    if found.filename:
        return InputError(f"{str(found.filename)[:LONGEST_SHOWN]}: {why}")
    try:
        os.getcwd()
    except OSError:
        return InputError(_("the current folder no longer exists, or you have no access to it: {why}").format(why=why))
    return MachineShort(_("the system refused something: {why}").format(why=why))


def _usage(found: TyperException, as_json: bool) -> int:
    """Report a command that was typed wrongly, with its usage; return 2."""
    format_message = getattr(found, "format_message", None)
    message = in_our_words(str(format_message() if format_message else found))
    if as_json:
        tell({"error": "UsageError", "message": message, "permanent": True})
        return 2
    context = getattr(found, "ctx", None)
    if context is not None:
        complain(usage_line(context.get_usage()))
        complain(_("'{command} --help' says more, with an example.").format(command=context.command_path))
    complain(message)
    return 2
