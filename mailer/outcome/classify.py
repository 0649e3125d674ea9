"""What a reply is about: from code, text and step to a class. Pure, total (never raises), linear in the text (E49)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailer.outcome.classes import KINDS, Blame
from mailer.outcome.results import Stage
from mailer.outcome.rules import CODES, RULES

_LONGEST = 600
_ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
_CODES = tuple((re.compile(pattern), key) for pattern, key in CODES)
_ADDRESS = re.compile(r"<?[^\s<>@]{1,64}@[^\s<>@]{1,255}>?")
_LINKS = re.compile(r"https?://\S{1,300}")


@dataclass(frozen=True, slots=True)
class Class:
    """``permanent``: the first digit of the code says so, and nothing else (B65). ``dead``: the address is no use."""

    key: str
    blame: Blame
    permanent: bool
    dead: bool = False


_ACCEPTED = Class("accepted", "nobody", permanent=True)


def classify(code: int, text: str, stage: Stage) -> Class:
    """The class of a refusal (4xx or 5xx) or an acceptance (2xx)."""
    if 200 <= code < 300:
        return _ACCEPTED
    first = code // 100
    words = _LINKS.sub(" ", _ADDRESS.sub(" @ ", text[:_LONGEST])).lower()
    key = _by_text(first, words, stage) or _by_code(words) or _by_basic(code, stage)
    kind = KINDS[key]
    permanent = first == 5 and not (key == "wait" and stage == "rcpt")
    enhanced = _ENHANCED.search(words)
    dead = (
        permanent and kind.dead and not (enhanced and enhanced[1] == "4") and stage in ("rcpt", "dot", "local", "data")
    )
    return Class(key, kind.blame, permanent, dead)


def _by_text(first: int, words: str, stage: Stage) -> str:
    for rule in RULES:
        if rule.first and rule.first != first:
            continue
        if rule.stages and stage not in rule.stages:
            continue
        if rule.pattern.search(words):
            return rule.key
    return ""


def _by_code(words: str) -> str:
    enhanced = _ENHANCED.search(words)
    if enhanced:
        detail = f"{enhanced[2]}.{enhanced[3]}"
        for pattern, key in _CODES:
            if pattern.match(detail):
                return key
    return ""


def _by_basic(code: int, stage: Stage) -> str:
    """RFC 5321 section 4.2.2, when there is neither a text nor an enhanced code that says more."""
    if code in (530, 534, 535, 538):
        return "auth"
    if code in (452, 552):
        return "full" if stage == "rcpt" else "too_big" if code == 552 else "trouble"
    if code in (500, 501, 502, 503, 504, 555):
        return "protocol"
    if stage == "mail" and code >= 550:
        return "sender_refused"
    if stage == "rcpt" and code in (550, 551):
        return "no_address" if code == 550 else "moved"
    if code == 553 and stage == "rcpt":
        return "bad_address"
    if code == 421:
        return "wait"
    return "trouble" if code < 500 else "other"
