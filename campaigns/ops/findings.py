"""A finding of ``doctor``: a subject, its condition, and the remedy in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from mailer.errors import Fault
from mailer.messages import joined


@dataclass(frozen=True, slots=True)
class Finding:
    """A subject that was checked, and its condition."""

    kind: Literal["ok", "warning", "error"]
    subject: str
    words: str

    def as_json(self) -> dict[str, str]:
        """Return the same as a JSON object."""
        return asdict(self)


def of_fault(fault: Fault) -> str:
    """Return a fault as the words of a finding."""
    return joined(" ", [joined("", [fault.found, "; ", fault.expected, "."]), fault.hint])
