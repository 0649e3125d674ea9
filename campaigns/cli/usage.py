"""What Typer says of a command that was typed wrongly, in our words and in the language of the house.

The one place where texts of Typer are known. A text that is not here is shown as Typer wrote it.
"""

from __future__ import annotations

from campaigns.cli.output import _, translated

N_ = str  # marks a text for the catalogue (domain cli)
KNOWN = (
    N_("Missing argument {name}."),
    N_("Missing option {name}."),
    N_("Missing command."),
    N_("No such command {name}."),
    N_("No such command {name}. Did you mean {near}?"),
    N_("No such option: {name}"),
    N_("No such option: {name} (Possible options: {near})"),
    N_("Got unexpected extra argument(s) ({words})"),
    N_("Option {name} requires an argument."),
    N_("Option {name} does not take a value."),
)
_NUMBER = "Input should be a valid integer, unable to parse string as an integer"


def in_our_words(message: str) -> str:
    """A message of Typer; what it says of a value begins with the name of the option instead of *invalid*."""
    for start in ("Invalid value for ", "Invalid value: "):
        if message.startswith(start):
            option, colon, why = message.removeprefix(start).partition(": ")
            if not colon:
                option, why = "", option
            why = _("a whole number is needed") if why == _NUMBER else translated(why)
            return f"{option}: {why}" if option else why
    return translated(message)


def usage_line(line: str) -> str:
    """How the command is typed."""
    return line.replace("Usage: ", _("Usage:") + " ", 1)
