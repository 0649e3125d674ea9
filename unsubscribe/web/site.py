"""The brand as pages need it, and the files that every page refers to, named by their content.

Promises: the style sheet and the logo have their hash in their name, so browsers may cache them for ever. The page
itself holds no style and no script (the Content-Security-Policy would stop them). All is made once, at the start.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from mailer.letter.brand import Brand
from templates import page_asset
from unsubscribe.web import colours

_SPACE = re.compile(r"\s*([{};:,>])\s*|\s+")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that never changes under its name."""

    name: str
    media_type: str
    data: bytes
    gzipped: bytes


@dataclass(frozen=True, slots=True)
class SiteView:
    """The organisation's data that :file:`base.html` shows."""

    name: str
    base: str
    css: str
    contact: str
    address: tuple[str, ...]
    logo: str = ""
    logo_dark: str = ""
    has_plate: bool = False
    logo_alt: str = ""
    privacy: str = ""
    accessibility: str = ""
    website: str = ""
    website_label: str = ""
    archive: str = ""  # the public archive of letters; empty where it is not served


@dataclass(frozen=True, slots=True)
class Theme:
    """A site with its files."""

    site: SiteView
    assets: dict[str, Asset]


def look_of(brand: Brand, public_url: str, contact_address: str) -> Theme:
    """Return the pages' view of a brand. ``public_url`` may have a path, which all links then begin with."""
    base = urlsplit(public_url).path.rstrip("/")
    sheet = _asset("pages", "css", "text/css; charset=utf-8", _small(page_asset("pages.css").decode(), brand))
    assets = {sheet.name: sheet}
    logo, logo_dark = _logo(brand.logo), _logo(brand.logo_dark if brand.logo else None)
    assets |= {one.name: one for one in (logo, logo_dark) if one}
    site = SiteView(
        name=brand.name,
        base=base,
        css=f"{base}/a/{sheet.name}",
        contact=contact_address,
        address=brand.address,
        logo=f"{base}/a/{logo.name}" if logo else "",
        logo_dark=f"{base}/a/{logo_dark.name}" if logo_dark else "",
        has_plate=brand.has_plate,
        logo_alt=brand.logo_alt or brand.name,
        privacy=brand.privacy_url or f"{base}/privacy",
        accessibility=brand.accessibility_url or f"{base}/accessibility",
        website=brand.website_url,
        website_label=brand.website_label or brand.website_url,
    )
    return Theme(site, assets)


def _small(sheet: str, brand: Brand) -> bytes:
    """Return the style sheet followed by the brand's colours, without comments and spare spaces."""
    text = _COMMENT.sub("", sheet + colours.css(brand))
    return _SPACE.sub(lambda found: found[1] or " ", text).strip().encode()


def _logo(data: bytes | None) -> Asset | None:
    if not data:
        return None
    kinds = {b"\x89PNG": ("png", "image/png"), b"\xff\xd8\xff": ("jpg", "image/jpeg"), b"GIF8": ("gif", "image/gif")}
    ending, media_type = next((kind for start, kind in kinds.items() if data.startswith(start)), ("webp", "image/webp"))
    return _asset("logo", ending, media_type, data)


def _asset(stem: str, ending: str, media_type: str, data: bytes) -> Asset:
    digest = hashlib.sha256(data).hexdigest()[:16]
    return Asset(f"{stem}-{digest}.{ending}", media_type, data, gzip.compress(data, 9, mtime=0))
