"""The page that a person is sent back to after signing in or proving: a path of the console, never another site.

Pure.
"""

from __future__ import annotations

_NEVER = ("/sign-in", "/sign-out", "/account/prove", "/join/", "/reset")


def inside(path: str) -> str:
    """Return a path within the console, or "": for an address of another site, and for a page that asks for proof."""
    if (
        not path.startswith("/")
        or path.startswith(("//", "/\\"))
        or "\\" in path
        or " " in path
        or not path.isprintable()
    ):
        return ""
    return "" if path.startswith(_NEVER) else path
