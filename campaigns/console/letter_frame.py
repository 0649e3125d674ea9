"""A letter as a document for the frame of the preview, and the policy of that frame.

Promises: the document is the engine's own HTML with four changes, made so that it can be shown as chosen: pictures come
along as data (or are left out), the look that is not asked for is switched off, links open nothing, and nothing else.
Its policy lets no script run, no form be sent and nothing be loaded; the sandbox gives it an origin of its own, so that
it can read nothing of the console. Pure.

Source: brief, decision 6; HTML, the ``sandbox`` directive of CSP level 3 section 6.4.2.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

from mailer.letter.compiled import Image
from unsubscribe.web.security import SecurityPolicy

FRAME_POLICY = SecurityPolicy(
    content_security_policy=(
        "sandbox; default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; form-action 'none'; "
        "base-uri 'none'; frame-ancestors 'self'"
    ),
    frame_options="SAMEORIGIN",
)
MOST_PICTURES = 8_000_000  # bytes of pictures that come along; further ones show their description
_DARK_RULE = re.compile(r"@media\s*\(prefers-color-scheme:\s*dark\)")
_DARK_PICTURE = re.compile(r'media="\(prefers-color-scheme:\s*dark\)"')
_SCHEMES = re.compile(r'(<meta name="(?:supported-)?color-schemes?" content=")[^"]*(")')
_HEAD = re.compile(r"<head>", re.IGNORECASE)
_NOWHERE = '<head>\n<base target="_blank">'  # the sandbox opens no window, so a link does nothing


def document(html: str, images: Mapping[str, Image], *, dark: bool, pictures: bool) -> str:
    """Return the document. ``images``: by their address in the letter."""
    page = _DARK_RULE.sub("@media all" if dark else "@media not all", html)
    page = _DARK_PICTURE.sub('media="all"' if dark else 'media="not all"', page)
    page = _SCHEMES.sub(r"\1dark\2" if dark else r"\1light\2", page)
    page = _HEAD.sub(_NOWHERE, page, count=1)
    left = MOST_PICTURES if pictures else 0
    for address, image in images.items():
        size = len(image.data)
        page = page.replace(address, _as_data(image) if size <= left else "data:,")
        left -= min(size, left)
    return page


def left_out(images: Mapping[str, Image]) -> int:
    """Return how many pictures are too large to come along."""
    left, missing = MOST_PICTURES, 0
    for image in images.values():
        missing += len(image.data) > left
        left -= min(len(image.data), left)
    return missing


def _as_data(image: Image) -> str:
    return f"data:{image.media_type};base64,{base64.b64encode(image.data).decode()}"
