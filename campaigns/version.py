"""The version of Postiljon. Loads next to nothing, so that ``--version`` works where nothing else does."""

from __future__ import annotations

import os


def version_line() -> str:
    """Return ``postiljon 1.2.3``; for a checkout that was never installed, without a number."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"postiljon {version('postiljon')}"
    except PackageNotFoundError:
        return "postiljon (not installed)"


def print_version() -> int:
    """Print the version; return the exit code, 3 where standard output takes nothing."""
    try:
        print(version_line(), flush=True)
    except OSError:  # the interpreter would try again at its end, and report it
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 3
    return 0
