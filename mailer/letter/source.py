"""The input of compile: the words of a campaign file and the settings around them, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from mailer.letter.brand import Brand


@dataclass(frozen=True, slots=True)
class LetterSource:
    """A letter before it is compiled. ``body`` is Markdown with blocks and contact tags, without front matter.

    ``body_line`` is the line of the file on which the body begins; ``lines`` gives the line of each front-matter key,
    for faults. ``images`` holds the files beside the campaign file, by the name that the text uses. ``online_url`` is
    empty when there is no *read online*. ``canonical_url`` is the permanent address of the public version, and
    ``subscribe_url`` the address where its reader may sign up (empty: not offered). ``headers`` are further constant
    headers (Feedback-ID, …).
    """

    file: str
    slug: str
    subject: str
    preheader: str
    from_name: str
    from_address: str
    language: str
    date: date
    body: str
    brand: Brand
    public_url: str
    reply_to: str = ""
    layout: Literal["letter", "plain"] = "letter"
    body_line: int = 1
    images: Mapping[str, bytes] = field(default_factory=dict)
    online_url: str = ""
    canonical_url: str = ""
    subscribe_url: str = ""
    online: bool = True
    topic_name: str = ""
    list_id: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    kind: Literal["campaign", "service"] = "campaign"
    lines: Mapping[str, int] = field(default_factory=dict)

    def line_of(self, key: str) -> int:
        """Return the line of a front-matter key; 0 if unknown."""
        return self.lines.get(key, 0)
