"""Which Postiljon this is. Loads next to nothing, so that ``--version`` works where nothing else does."""

from __future__ import annotations


def version_line() -> str:
    """``postiljon 1.2.3``; of a checkout that was never installed, without a number."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"postiljon {version('postiljon')}"
    except PackageNotFoundError:
        return "postiljon (not installed)"
