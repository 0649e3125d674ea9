"""Encoding of text for a mail: quoted-printable, encoded-words, and the cleaning of values beforehand.

Promises:

- :func:`quoted_printable` (RFC 2045 section 6.7, B29): pure ASCII, lines of 76 bytes at most, CRLF only. No character
  is split over lines, no line ends with a blank or begins with ``.`` or ``From ``. Its output begins and ends at the
  start of a line (a soft break closes it), so that encoded pieces can be joined directly. It has no tab and no two
  blanks in a row, so that it is its own DKIM relaxed canonical form (RFC 6376 section 3.4.4).
- :func:`unstructured` and :func:`phrase` (RFC 5322, RFC 2047, B32): lines of 76 at most, encoded-words of 75 at most.
  Each has whole characters and is never inside a quoted-string.
- Deliberately changed in **values**: line ends become ``\\n`` in a body and a blank in a header. Other control
  characters (C0, DEL, C1) are left out in a body and become a blank in a header. In a header U+2028 and U+2029 become
  blanks too, and runs of blanks become one. Marks that turn the direction of the following text (U+202A-202E,
  U+2066-2069) are left out; a lone surrogate becomes U+FFFD. Text other than values is checked by
  :func:`refuse_controls`, which raises ``InputError``. Nothing else here raises.
"""

from __future__ import annotations

import base64
import re
import unicodedata

from mailer.control_characters import BLANKS, DIRECTION, IN_FILLED_TEXT, IN_STRICT_LINE, IN_STRICT_TEXT, SURROGATE
from mailer.errors import InputError

_LINE_ENDS = re.compile(r"\r\n?")

_SHORT = re.compile(r"(?!\.|From |.*  )[ -<>-~]{1,75}")
_NOT_PLAIN = re.compile(r"[^ -<>-~]")
_LINE = 75  # and one for the soft break

_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/^_`{|}~-]+)*")
_Q_SINGLE = (
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+/- "  # one character each (RFC 2047 5 (3))
)
_Q_BYTES = ["_" if byte == 0x20 else chr(byte) if byte in _Q_SINGLE else f"={byte:02X}" for byte in range(256)]
_WORD, _HEADER_LINE = 75, 76
_WORD_FRAME = len("=?utf-8?q??=")
_JOINED = frozenset("\u200d\ufe0e\ufe0f\u20e3")  # stay with the character before them


def clean(value: str) -> str:
    """Return a value cleaned for a body, as the module describes."""
    if value.isprintable():
        return value
    return SURROGATE.sub("\ufffd", IN_FILLED_TEXT.sub("", _LINE_ENDS.sub("\n", value)))


def one_line(value: str) -> str:
    """Return a value for a header or an attribute: one line, no blanks around it."""
    if value.isprintable() and "  " not in value:
        return value.strip()
    return BLANKS.sub(" ", DIRECTION.sub("", SURROGATE.sub("\ufffd", value))).strip()


def refuse_controls(text: str, what: str, *, header: bool = True) -> str:
    """Return the text; raises ``InputError`` for a control character. A body may have line ends and tabs."""
    bad = (IN_STRICT_LINE if header else IN_STRICT_TEXT).search(text if header else _LINE_ENDS.sub("\n", text))
    if bad:
        raise InputError(f"{what} has the control character U+{ord(bad[0]):04X} in it, which cannot be sent")
    return text


def quoted_printable(text: str) -> bytes:
    """Return text (line ends ``\\n``) as quoted-printable, closed by a soft break unless it ends with a line end."""
    if _SHORT.fullmatch(text):
        return text.encode("ascii") + b"=\r\n"
    lines = text.split("\n")
    out: list[str] = []
    for line in lines[:-1]:
        out.append("=\r\n".join(_wrapped(_escaped(line, hard=True))))
        out.append("\r\n")
    if lines[-1]:
        out.append("=\r\n".join(_wrapped(_escaped(lines[-1], hard=False))))
        out.append("=\r\n")
    return "".join(out).encode("ascii")


def _escaped(line: str, *, hard: bool) -> str:
    """Return a line with its escapes, not yet wrapped. ``hard``: a real line end follows."""
    if _NOT_PLAIN.search(line):
        line = _NOT_PLAIN.sub(_hex, line)
    line = line.replace("  ", " =20")
    return line[:-1] + "=20" if hard and line.endswith(" ") else line


def _hex(match: re.Match[str]) -> str:
    return "".join([f"={byte:02X}" for byte in match[0].encode("utf-8", "replace")])


def _wrapped(line: str) -> list[str]:
    """Cut an escaped line into lines of 75 at most, between characters."""
    out: list[str] = []
    start, length = 0, len(line)
    while True:
        head = ""
        if line.startswith(".", start):
            head = "=2E"
        elif line.startswith("From ", start):
            head = "=46"
        room = _LINE - 2 if head else _LINE
        end = start + room
        if end < length:
            if line[end - 1] == "=":
                end -= 1
            elif line[end - 2] == "=":
                end -= 2
            while line[end] == "=" and line[end + 1] in "89AB":
                end -= 3
        out.append(head + line[start + 1 : end] if head else line[start:end])
        if end >= length:
            return out
        start = end


def unstructured(text: str, used: int) -> bytes:
    """Return a header's text (from :func:`one_line`) after ``used`` characters of its first line: folded or encoded."""
    if text.isascii() and "=?" not in text:
        if used + len(text) <= _HEADER_LINE:
            return text.encode("ascii")
        if (folded := _folded(text, used)) is not None:
            return folded
    return _encoded_words(text, used)


def phrase(text: str, used: int) -> bytes:
    """Return a display name as atoms, a quoted-string or encoded-words: the first of these that can hold it."""
    if text.isascii() and len(text) + used <= _HEADER_LINE - 2 and "=?" not in text:
        if _ATOMS.fullmatch(text):
            return text.encode("ascii")
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        if len(quoted) + used <= _HEADER_LINE - 2:
            return b'"' + quoted.encode("ascii") + b'"'
    return _encoded_words(text, used)


def mailbox(name: str, address: str, used: int) -> bytes:
    """Return ``name <address>``, or ``address`` alone (RFC 5322 3.4); name from :func:`one_line`, address unchanged."""
    bare = address.encode("utf-8")
    if not name:
        return bare
    shown = phrase(name, used)
    last = len(shown) - shown.rfind(b"\n") - 1 + (0 if b"\n" in shown else used)
    fold = b" <" if last + len(bare) + 3 <= _HEADER_LINE else b"\r\n <"
    return shown + fold + bare + b">"


def _folded(text: str, used: int) -> bytes | None:
    """Return ASCII text folded at blanks, or ``None`` if a word is too long for a line."""
    lines: list[str] = []
    current, room = "", _HEADER_LINE - used
    for word in text.split(" "):
        if current and len(current) + 1 + len(word) > room:
            lines.append(current)
            current, room = word, _HEADER_LINE - 1
        else:
            current = f"{current} {word}" if current else word
        if len(current) > room:
            return None
    return "\r\n ".join([*lines, current]).encode("ascii")


def _encoded_words(text: str, used: int) -> bytes:
    data = text.encode("utf-8", "replace")
    quoted = _size(data, quoted=True) <= _size(data, quoted=False)
    room = min(_WORD, _HEADER_LINE - used) - _WORD_FRAME
    if _size(data, quoted=quoted) <= room:
        return _word(data, quoted=quoted)
    words: list[bytes] = []
    current = b""
    for cluster in _clusters(text, (_WORD - _WORD_FRAME) // 3):
        if current and _size(current + cluster, quoted=quoted) > room:
            words.append(_word(current, quoted=quoted))
            current, room = b"", _WORD - _WORD_FRAME
        current += cluster
    words.append(_word(current, quoted=quoted))
    return b"\r\n ".join(words)


def _clusters(text: str, limit: int) -> list[bytes]:
    """Return characters with their combining marks, as UTF-8, ``limit`` bytes at most each."""
    found: list[bytes] = []
    for char in text:
        data = char.encode("utf-8", "replace")
        joins = found and not char.isascii() and (char in _JOINED or unicodedata.combining(char))
        if joins and len(found[-1]) + len(data) <= limit:
            found[-1] += data
        else:
            found.append(data)
    return found


def _size(data: bytes, *, quoted: bool) -> int:
    if not quoted:
        return (len(data) + 2) // 3 * 4
    return len(data) + 2 * len(data.translate(None, _Q_SINGLE))


def _word(data: bytes, *, quoted: bool) -> bytes:
    if not quoted:
        return b"=?utf-8?b?" + base64.b64encode(data) + b"?="
    escaped = "".join(_Q_BYTES[byte] for byte in data)
    return b"=?utf-8?q?" + escaped.encode("ascii") + b"?="
