"""The intended path of a request: without the public address's own path, and without accidental additions.

Promises: a public address with a path (``https://example.org/post``) is answered whether or not the proxy removes that
path. Superfluous slashes are ignored anywhere, and so is punctuation at the end. After a complete token (36 or 48
characters) the text is cut at the first character that no token can have. So a link followed by ``)``, ``>`` or
``&utm_…`` still works. A token itself is never mended (I7): one with more, fewer or other characters stays as it is,
and is refused. Pure; nothing redirects.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailer.control_characters import IN_PATH

OPEN = frozenset({"archive", "subscribe", "privacy", "accessibility", "health", "metrics", "a", "m", "o", "u", "d"})
KNOWN = OPEN | {"c", "confirm", "console", ".well-known", "my-data", "robots.txt"}
LONGEST = 2_000  # characters of a path that is examined; no link is longer
_SLASHES = re.compile(r"/{2,}")
_ENDS = "/.,;:!?()[]{}<>'\"*_|\\&»«›‹”“’‘„‚… \t\r\n\xa0\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_BEARERS = frozenset({"u", "d", "c", "confirm", "my-data"})  # first parts of paths that a token follows
_TOKEN = re.compile(r"([A-Za-z0-9_-]{48}|[A-Za-z0-9_-]{36})(?:_*(?:[^A-Za-z0-9_=-].*)?)", re.DOTALL)
_CODE = re.compile(r"([A-Za-z0-9_-]{16}(?:\.txt)?)(?:_*(?:[^A-Za-z0-9_-].*)?)", re.DOTALL)


def meant(path: str, base: str = "") -> str:
    """Return the intended path of this site.

    ``base``: the path of the public address, decoded, without a slash at its end.
    """
    if len(path) > LONGEST or IN_PATH.search(path):
        return path
    path = _SLASHES.sub("/", path)
    path = _within(path, base) if base else path
    first, slash, rest = path[1:].partition("/")
    if slash and first in _BEARERS:
        return "/".join(["", first, *_parts(rest)])
    if slash and first == "o" and (code := _CODE.fullmatch(rest)):
        return f"/o/{code[1]}"
    return _bare(path)


def _within(path: str, base: str) -> str:
    """Return the path without ``base``, where the rest is a page of this site."""
    if path != base and not path.startswith(f"{base}/"):
        return path
    rest = path[len(base) :] or "/"
    return rest if _bare(rest) == "/" or _first(rest) in KNOWN else path


def _first(path: str) -> str:
    return _bare(path)[1:].partition("/")[0]


def _bare(path: str) -> str:
    """Return the path without slashes and punctuation at the end."""
    return path.rstrip(_ENDS) or "/"


def _parts(rest: str) -> Iterator[str]:
    """Yield the parts after the first, up to a token followed by other text: the rest is not part of the path."""
    for part in rest.split("/"):
        token = _TOKEN.fullmatch(part)
        if found := token[1] if token else part.rstrip(_ENDS):
            yield found
        if token and token[1] != part:
            return
