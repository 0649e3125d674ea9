"""The names of actors as pages show them: ``user:5`` → the name of a colleague, ``cli:root`` → a command's user."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Connection

from campaigns.console.words import Words
from campaigns.staff import users


def namer(conn: Connection, words: Words) -> Callable[[str], str]:
    """Return the function that gives the name of an actor."""
    names: Mapping[int, str] = users.names(conn)

    def name_of(actor: str) -> str:
        kind, _, rest = actor.partition(":")
        if kind == "user" and rest.isdecimal():
            return names.get(int(rest), words.gettext("somebody"))
        if kind == "cli":
            return words.gettext("{name} (on the command line)").format(name=rest)
        return words.gettext("Postiljon") if actor == "postiljon" else words.gettext("somebody")

    return name_of
