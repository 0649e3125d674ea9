"""How a command opens the installation: what was mended on the way is told on standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from campaigns.cli.output import complain

if TYPE_CHECKING:
    from campaigns.context import AppContext


def open_context() -> AppContext:
    """Return the context of this command. Raises ``SettingsError`` or ``SchemaError``."""
    from campaigns import context

    return context.open_context(notice=complain)
