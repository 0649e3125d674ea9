"""Typer's messages about a command that was typed wrongly, in our own words and in the language in use.

The one module that knows texts of Typer. A text that is not here is shown as Typer wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable

from campaigns.cli.output import _, translated
from mailer.control_characters import IN_STRICT_LINE
from mailer.errors import UsageError
from mailer.messages import Message, recalled

LONGEST_SHOWN = 100
KNOWN = (
    Message("Missing argument {name}."),
    Message("Missing option {name}."),
    Message("Missing command."),
    Message("No such command {name}."),
    Message("No such command {name}. Did you mean {near}?"),
    Message("No such option: {name}"),
    Message("No such option: {name} (Possible options: {near})"),
    Message("Got unexpected extra argument(s) ({words})"),
    Message("Option {name} requires an argument."),
    Message("Option {name} does not take a value."),
)
_NUMBER = "Input should be a valid integer, unable to parse string as an integer"


def in_our_words(message: str) -> str:
    """Return Typer's message in our words; one about a value begins with the option's name instead of *invalid*."""
    for start in ("Invalid value for ", "Invalid value: "):
        if message.startswith(start):
            option, colon, why = message.removeprefix(start).partition(": ")
            if not colon:
                option, why = "", option
            why = _("a whole number is needed") if why == _NUMBER else translated(recalled(why, KNOWN))
            return f"{option}: {why}" if option else why
    return translated(recalled(message, KNOWN))


def refuse_unreadable(arguments: Iterable[str]) -> None:
    """Raise ``UsageError`` for an argument that is no line of text: bytes other than UTF-8, control characters."""
    found = next((argument for argument in arguments if IN_STRICT_LINE.search(argument)), None)
    if found is not None:
        shown = IN_STRICT_LINE.sub(lambda sign: f"\\x{ord(sign[0]) & 0xFF:02x}", found[:LONGEST_SHOWN])
        text = _("'{shown}' cannot be read: expected one line of text in UTF-8, without control characters")
        raise UsageError(text.format(shown=shown))


def usage_line(line: str) -> str:
    """Return the usage of a command."""
    return line.replace("Usage: ", _("Usage:") + " ", 1)
