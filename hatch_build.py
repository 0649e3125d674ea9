"""The build hook of the wheel: its files of the console are built from their sources, unless they are up to date.

Called by hatchling. An installation for development builds nothing: there ``make`` does.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))

from tools import console_assets


class ConsoleFiles(BuildHookInterface):
    """Builds the files of the console before the wheel is put together."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's
        """Build them. Ends the build with a sentence where Node or its packages cannot be had."""
        if version != "editable" and not console_assets.is_current():
            console_assets.build()
