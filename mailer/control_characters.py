"""Control characters: the patterns of those that may not be in a line, a text, a path, a table or on a terminal.

Each pattern matches one character (BLANKS: a run), and is named by the place that it is for. Tabs and line feeds are
allowed where the name says TEXT; a STRICT place has to be encoded too. Characters that merely cannot be seen are those
of :mod:`mailer.invisible`. Pure.

Source: Unicode 15: Cc (C0, DEL and C1), Zl and Zp, Cs, Bidi_Control without the marks.
"""

from __future__ import annotations

import re

_ANY = r"\x00-\x1f\x7f-\x9f"
_BUT_TAB_AND_LF = r"\x00-\x08\x0b-\x1f\x7f-\x9f"
_SEPARATORS = r"\u2028\u2029"
_DIRECTIONS = r"\u202a-\u202e\u2066-\u2069"
_SURROGATES = r"\ud800-\udfff"  # Python keeps bytes that are not UTF-8 as lone ones; no encoder takes them

IN_ASCII = re.compile(r"[\x00-\x1f\x7f]")
IN_PATH = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
"""Of an address on the web: mail programs add blanks and line ends."""
IN_LINE = re.compile(f"[{_ANY}{_SEPARATORS}]")
IN_STRICT_LINE = re.compile(f"[{_ANY}{_SEPARATORS}{_SURROGATES}]")
IN_SHOWN_LINE = re.compile(f"[{_ANY}{_SEPARATORS}{_DIRECTIONS}]")
"""Of others' words that are shown: they may not reverse the text beside them."""
IN_TEXT = re.compile(f"[{_BUT_TAB_AND_LF}{_SEPARATORS}]")
IN_STRICT_TEXT = re.compile(f"[{_BUT_TAB_AND_LF}{_SURROGATES}]")
IN_FILLED_TEXT = re.compile(f"[{_BUT_TAB_AND_LF}{_DIRECTIONS}]")
IN_TABLE_TEXT = re.compile(rf"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{_SEPARATORS}]")
"""Of a row of a table: a cell may have lines, and CR ends one."""
ON_TERMINAL = re.compile(f"[{_BUT_TAB_AND_LF}{_SEPARATORS}{_DIRECTIONS}{_SURROGATES}]")
DIRECTION = re.compile(f"[{_DIRECTIONS}]")
SURROGATE = re.compile(f"[{_SURROGATES}]")
BLANKS = re.compile(rf"[\x00-\x20\x7f-\x9f{_SEPARATORS}]+")
"""A run of spaces, line ends and control characters: one space in a line."""
