"""Metadata of the public version for other programs: its address, title, summary, picture and language.

Canonical address as RFC 6596, the rest as Open Graph (ogp.me). Promises: only content that is kept with the letter is
named. A picture is one of the snapshot's own, so that a shared link shows the same in ten years (I8).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from babel import Locale
from babel.core import get_global

from mailer.letter.filters import locale_of
from mailer.letter.picture import Picture
from mailer.letter.source import LetterSource

_SMALL = 200  # programs that show a link leave out pictures below this size


@dataclass(frozen=True, slots=True)
class Preview:
    """The picture beside a shared link."""

    url: str
    media_type: str
    width: int
    height: int
    alt: str


def sharing(
    source: LetterSource, title: str, summary: str, pictures: Mapping[str, Picture], alts: Mapping[str, str]
) -> dict[str, Any] | None:
    """Return the head of the public version; None for a letter that is not online."""
    if not source.online or not source.canonical_url:
        return None
    return {
        "url": source.canonical_url,
        "title": title,
        "summary": summary,
        "locale": og_locale(source.language),
        "site": source.brand.name,
        "day": source.date.isoformat(),
        "picture": _picture(source, pictures, alts),
    }


def og_locale(language: str) -> str:
    """Return ``language_TERRITORY`` for a language tag; CLDR's likely territory where the tag names none."""
    locale = Locale.parse(locale_of(language))
    likely = Locale.parse(get_global("likely_subtags").get(locale.language, locale.language))
    territory = locale.territory or likely.territory
    return f"{locale.language}_{territory}" if territory else locale.language


def _picture(source: LetterSource, pictures: Mapping[str, Picture], alts: Mapping[str, str]) -> Preview | None:
    """Return the first picture of the text that is large enough to be shown, else the logo."""
    large = [name for name in alts if name in pictures and min(_size(pictures[name])) >= _SMALL]
    name = large[0] if large else ""
    known = pictures.get(name)
    if known is None:
        return None
    alt = alts[name] if large else source.brand.logo_alt
    return Preview(f"{source.public_url}/m/{known.image.file_name}", known.image.media_type, *_size(known), alt)


def _size(known: Picture) -> tuple[int, int]:
    return known.width, known.height
