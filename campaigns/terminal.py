"""Text that may come from a stranger (a relay, DNS, a file's name, a contact), made harmless for a terminal and a log.

Promises: no character that a terminal obeys leaves :func:`harmless`. These are controls except line end and tab (ESC,
CSI and similar, ECMA-48), and lone surrogates. Marks that turn or hide the direction of text are among them (Unicode
TR 36, section 3). Each is shown as its number, so that nothing is hidden; in JSON that is the same text. All that a
command prints passes here (:mod:`campaigns.cli.output`), and so do logs
(:mod:`campaigns.runtime.logs`). Nothing raises.
"""

from __future__ import annotations

import re

from mailer.control_characters import ON_TERMINAL

_LINES = re.compile(r"[\t\n]")


def harmless(text: str) -> str:
    """Return the text with ``\\u001b`` and the like in place of characters that a terminal obeys."""
    return text if text.isprintable() else ON_TERMINAL.sub(_number, text)


def on_one_line(text: str) -> str:
    """Return the same for a value within a line: it cannot begin a new line either."""
    return text if text.isprintable() else _LINES.sub(_number, harmless(text))


def _number(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
