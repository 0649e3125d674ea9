"""Reading a brand file: TOML in, values out, every fault collected with its line (see :mod:`mailer.letter.brand`)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from mailer import similar
from mailer.control_characters import IN_LINE
from mailer.errors import Fault, FaultsError
from mailer.letter.colour import normal
from mailer.letter.picture import Picture, picture
from mailer.messages import Message

_SHADES = ("page", "surface", "text", "muted", "line", "link", "action", "on_action")
KEYS = frozenset(
    {"name", "logo", "logo_dark", "logo_alt", "logo_width", "sender.address"}
    | {f"links.{name}" for name in ("contact", "website", "website_label", "proclaimer", "privacy", "accessibility")}
    | {f"words.{name}" for name in ("legal", "proclaimer")}
    | {f"{section}.{shade}" for section in ("colours", "colours.dark") for shade in _SHADES}
)
_DEEPEST = 10  # levels of nested brackets; dots in a key
_DOTTED = re.compile(rf"\s*\[*\s*(?:[\w\"'-]+\s*\.\s*){{{_DEEPEST + 1}}}")
_MOST_FAULTS, _SHOWN = 100, 80
_LONGEST, _MOST_LINES = 5_000, 20  # characters of a text; lines of the sender block
_DIGITS = re.compile(r"[0-9_]{4000}")
_SECTIONS = frozenset(key.rpartition(".")[0] for key in KEYS) - {""}
_LINK = re.compile(r"(?:https?://[^\s/]+|mailto:[^\s@]+@\S+|tel:\+?[\d-]+)\S*")


class BrandFile:
    """One brand file. Each getter records faults and goes on; :meth:`finish` raises all of them at once."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self._lines = text.splitlines()
        self._places = dict(_keys(self._lines))
        self._faults: list[Fault] = []
        self._refuse_dots()
        try:
            self._data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"line (\d+)", str(error))
            fault = Fault(file, int(line[1]) if line else len(self._lines), "brand", str(error), Message("a TOML file"))
            raise FaultsError([fault]) from None
        except ValueError:  # Python limits the number of digits that it reads
            at = next((number for number, line in enumerate(self._lines, 1) if _DIGITS.search(line)), 0)
            raise FaultsError(
                [Fault(file, at, "brand", Message("a number of many digits"), Message("a TOML file"))]
            ) from None
        except RecursionError:
            self._refuse(self._deep_line(), Message("brackets in brackets"), Message("{number} levels at most"))
        self._check_keys(self._data, "")

    def _refuse_dots(self) -> None:
        """Refuse keys with many dots: tomllib's time grows with the square of a dotted key's length."""
        for number, line in enumerate(self._lines, start=1):
            if _DOTTED.match(line):
                self._refuse(number, Message("a key of many parts"), Message("{number} dots at most"))

    def _deep_line(self) -> int:
        depth = 0
        for number, line in enumerate(self._lines, start=1):
            depth += line.count("[") + line.count("{") - line.count("]") - line.count("}")
            if depth > _DEEPEST:
                return number
        return len(self._lines)

    def _refuse(self, line: int, found: str, expected: str) -> NoReturn:
        raise FaultsError([Fault(self.file, line, "brand", found, expected.format(number=_DEEPEST))]) from None

    def finish(self) -> None:
        """Raise ``FaultsError`` if anything was wrong."""
        if self._faults:
            raise FaultsError(self._faults)

    def text(self, key: str, *, needed: bool = False) -> str:
        """Return one line of text, or ""."""
        value = self._get(key)
        if value is None:
            if needed:
                self._fault(key, Message("nothing"), Message("the name of the sender"))
            return ""
        if not isinstance(value, str) or IN_LINE.search(value):
            self._fault(key, repr(value), Message("one line of text"))
            return ""
        if self._is_long(key, value):
            return ""
        return value.strip()

    def number(self, key: str, default: int) -> int:
        """Return a whole number of pixels."""
        value = self._get(key)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not 16 <= value <= 600:
            self._fault(key, repr(value), Message("a whole number from 16 to 600"))
            return default
        return value

    def lines(self, key: str) -> tuple[str, ...]:
        """Return lines of text: a list, or one text with line breaks."""
        value = self._get(key) or []
        items = value.splitlines() if isinstance(value, str) else value
        if not isinstance(items, list) or any(not isinstance(item, str) or IN_LINE.search(item) for item in items):
            self._fault(key, repr(value), Message("a list of lines of text"))
            return ()
        if len(items) > _MOST_LINES:
            found, expected = Message("{number} lines"), Message("{number} lines at most")
            self._fault(key, found.format(number=len(items)), expected.format(number=_MOST_LINES))
            return ()
        if any(self._is_long(key, item) for item in items):
            return ()
        return tuple(item.strip() for item in items if item.strip())

    def link(self, key: str) -> str:
        """Return an address: https, http, mailto or tel."""
        value = self.text(key)
        if value and not _LINK.fullmatch(value):
            self._fault(key, repr(value), Message("an address that begins with https://, mailto: or tel:"))
            return ""
        return value

    def words(self, key: str) -> dict[str, str]:
        """Return a text for every language, or a table of texts per language."""
        value = self._get(key)
        if value is None:
            return {}
        table = {"": value} if isinstance(value, str) else value
        if not isinstance(table, dict) or any(
            not isinstance(text, str) or IN_LINE.search(text) for text in table.values()
        ):
            self._fault(key, repr(value), Message('a line of text, or a table of them such as { nl = "…", en = "…" }'))
            return {}
        if any(self._is_long(key, text) for text in table.values()):
            return {}
        return {language.lower(): text.strip() for language, text in table.items()}

    def colours(self, section: str) -> dict[str, str]:
        """Return the colours that a section sets."""
        found: dict[str, str] = {}
        for shade in _SHADES:
            value = self._get(f"{section}.{shade}")
            try:
                if value is not None:
                    found[shade] = normal(str(value))
            except ValueError:
                self._fault(f"{section}.{shade}", repr(value), Message("a colour such as #14508c"))
        return found

    def picture(self, key: str, images: Mapping[str, bytes]) -> Picture | None:
        """Return a picture from a file beside the brand file."""
        name = self.text(key)
        if not name:
            return None
        if name not in images:
            self._fault(key, repr(name), Message("a file beside the brand file"), _did_you_mean(name, images))
            return None
        try:
            return picture(images[name])
        except ValueError as error:
            self._fault(key, name, Message("a PNG, JPEG, GIF or WebP picture"), str(error))
            return None

    def line_of(self, key: str) -> int:
        """Return the line of a key; 0 if the file does not have it."""
        return self._places.get(key, 0)

    def _get(self, key: str) -> Any:
        value: Any = self._data
        for name in key.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return value

    def _is_long(self, key: str, text: str) -> bool:
        if len(text) <= _LONGEST:
            return False
        found, expected = Message("{number} characters"), Message("{number} characters at most")
        self._fault(key, found.format(number=len(text)), expected.format(number=_LONGEST))
        return True

    def _check_keys(self, table: Mapping[str, Any], prefix: str) -> None:
        for name, value in table.items():
            if len(self._faults) >= _MOST_FAULTS:
                return
            key = f"{prefix}{name}"
            if key in _SECTIONS and isinstance(value, dict):
                self._check_keys(value, f"{key}.")
            elif key not in KEYS:
                self._fault(key, key, Message("a key of a brand file"), _did_you_mean(key, KEYS))

    def _fault(self, key: str, found: str, expected: str, hint: str = "") -> None:
        shown = found if len(found) <= _SHOWN else found[: _SHOWN - 1] + "…"
        fault = Fault(self.file, self.line_of(key), key[:_SHOWN], shown, expected, hint)
        if len(self._faults) < _MOST_FAULTS and fault not in self._faults:
            self._faults.append(fault)


def _keys(lines: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Return each key and section with its line, from the last to the first, so that a dict keeps the first line."""
    section, found = "", []
    for number, line in enumerate(lines, start=1):
        if header := re.match(r"\s*\[([\w.]+)\]", line):
            section = header[1]
            found.append((section, number))
        elif key := re.match(r"\s*([\w-]+)\s*=", line):
            found.append((f"{section}.{key[1]}" if section else key[1], number))
    return reversed(found)


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    near = similar.nearest(word, known)
    return Message("Did you mean {word}?", word=near[0]) if near else ""
