"""What ``doctor`` found: a subject, how it is, and in words what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, and how it is."""

    kind: Literal["ok", "warning", "error"]
    subject: str
    words: str

    def as_json(self) -> dict[str, str]:
        """Return the same as a JSON object."""
        return asdict(self)
