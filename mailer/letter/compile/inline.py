"""Inlining of styles, once per letter. The only premailer import.

premailer parses the HTML and writes it again, which drops or changes parts that mail programs need to the byte.
So four parts are taken out before: the doctype, conditional comments, style sheets that stay (``<style data-keep>``)
and character entities. They are put back after: byte for byte by construction. Nothing is fetched from anywhere.

Promises: each of those, and each word of a contact tag, comes out exactly as often as it went in. Otherwise it raises
``RuntimeError``, since that would be a fault of this program.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from typing import Any

from mailer.letter.compile.placeholders import Placeholders

_KEPT = re.compile(
    r"(?P<comment><!--.*?-->|<!\[endif\]-->)"
    r"|<style data-keep(?P<style>>.*?</style>)"
    r"|(?P<entity>&(?:\#\d+|\#x[0-9a-f]+|[a-z][a-z0-9]*);)",
    re.DOTALL | re.IGNORECASE,
)
_DOCTYPE = re.compile(r"<!doctype[^>]*>\s*", re.IGNORECASE)


def inline_styles(html: str, placeholders: Placeholders) -> str:
    """Put the style sheets of ``html`` into ``style`` attributes; ``<style data-keep>`` stays a sheet."""
    nonce = placeholders.unused("xk", html)
    kept: list[str] = []
    doctype = _DOCTYPE.match(html)
    start = doctype.end() if doctype else 0
    head = html.find("</head>")

    def take(match: re.Match[str]) -> str:
        kept.append(f"<style{match['style']}" if match["style"] else match[0])
        word = f"{nonce}w{len(kept) - 1}x"
        return f"<!--{word}-->" if match.start() < head and not match["entity"] else word

    masked = _KEPT.sub(take, html)
    place = re.compile(rf"<!--{nonce}w(\d+)x-->|{nonce}w(\d+)x")
    result = _premailer(masked[start:])
    _compare(Counter(place.findall(masked)), Counter(place.findall(result)))
    _compare(Counter(placeholders.word.findall(masked)), Counter(placeholders.word.findall(result)))
    return html[:start] + place.sub(lambda match: kept[int(match[1] or match[2])], result)


def _premailer(html: str) -> str:
    from premailer import Premailer

    return str(
        Premailer(
            html,
            allow_network=False,
            strip_important=False,
            keep_style_tags=False,
            remove_classes=False,
            disable_validation=True,
            disable_basic_attributes=["width", "height", "align", "valign", "bgcolor"],
            cssutils_logging_level=logging.CRITICAL,
        ).transform()
    )


def _compare(before: Counter[Any], after: Counter[Any]) -> None:
    if before != after:
        raise RuntimeError(f"putting styles inline lost or doubled {(before - after) + (after - before)}")
