"""The class of a reply, from its code, words and SMTP stage. Pure, total (never raises), linear in the text (E49).

Promises: a reply before RCPT is never about a mailbox. A statement about the mailbox wins only if no other rule
applies; unrecognised words are never such a statement.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from mailer.outcome.classes import KINDS, ClassGroup
from mailer.outcome.results import BEFORE_RCPT, Stage
from mailer.outcome.rules import CODES, RULES

_LONGEST = 600
_ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
_CODES = tuple((re.compile(pattern), key) for pattern, key in CODES)
ADDRESS = re.compile(r"<?[^\s<>@]{1,64}@[^\s<>@:;,()\[\]\"']{1,255}>?")
_LINKS = re.compile(r"https?://\S{1,300}|www\.\S{1,300}")
_HOSTS = re.compile(r"(?<![\w-])(?:[a-z0-9_-]{1,63}\.){1,8}[a-z][a-z0-9-]{1,62}(?![\w-])(?!\.\d)")
_TELLS = re.compile(
    r"resolver\.|exception|spamhaus|spamcop|barracuda|sorbs|dnsbl|\brbl\b|surbl|uribl|abuseat|blacklist|uceprotect|proofpoint"
)
_LATER: frozenset[ClassGroup] = frozenset({"speed", "greylist", "later"})
_MAILBOX: frozenset[ClassGroup] = frozenset({"clear", "unclear"})


@dataclass(frozen=True, slots=True)
class Class:
    """The ``key`` of :data:`KINDS` and its group. ``permanent``: a later attempt is of no use (B65)."""

    key: str
    group: ClassGroup
    permanent: bool


_ACCEPTED = Class("accepted", "accepted", permanent=True)


def classify(code: int, text: str, stage: Stage) -> Class:
    """Return the class of a refusal (4xx or 5xx) or an acceptance (2xx)."""
    if 200 <= code < 300:
        return _ACCEPTED
    return _classify(code, plain(text), stage)


def get_ready() -> None:
    """Compile the patterns of all rules now; otherwise the first refusal takes about 30 ms longer."""
    for rule in RULES:
        rule.pattern.search("")


@lru_cache(maxsize=2_048)
def _classify(code: int, words: str, stage: Stage) -> Class:
    """Cache recent classes: a relay that refuses us repeats one reply thousands of times, and reading takes 0.5 ms."""
    enhanced = _ENHANCED.search(words)
    first = 4 if code >= 500 and enhanced and enhanced[1] == "4" else code // 100
    key = _by_words(first, words, stage) or _by_enhanced(words) or _by_basic(code, words, stage)
    key = "unavailable" if 500 <= code <= 504 and KINDS[key].group == "clear" else key
    key = _before_rcpt(key, code, stage) if stage in BEFORE_RCPT else key
    group = KINDS[key].group
    return Class(key, group, first == 5 and group not in _LATER)


def plain(text: str) -> str:
    """Return the words in the form for the rules: lower case, without addresses, links and host names."""
    words = _LINKS.sub(_link, ADDRESS.sub(" @ ", text[:_LONGEST]).lower())
    return _HOSTS.sub(lambda host: host[0] if _TELLS.search(host[0]) else " ", words)


def _link(found: re.Match[str]) -> str:
    """Replace a link by a mark, with the name of its blocklist."""
    return " http " + " ".join(_TELLS.findall(found[0]))


def _by_words(first: int, words: str, stage: Stage) -> str:
    return next((rule.key for rule in RULES if rule.holds(first, words, stage)), "")


def _by_enhanced(words: str) -> str:
    enhanced = _ENHANCED.search(words)
    if enhanced:
        detail = f"{enhanced[2]}.{enhanced[3]}"
        return next((key for pattern, key in _CODES if pattern.match(detail)), "")
    return ""


def _by_basic(code: int, words: str, stage: Stage) -> str:
    """Use the basic code (RFC 5321, section 4.2) when neither the words nor the enhanced code decides."""
    if code in (530, 534, 535, 538):
        return "auth"
    if code in (452, 552):
        return "full" if stage == "rcpt" else "too_big" if code == 552 else "trouble"
    if code in (521, 556) and stage == "rcpt":
        return "no_mail_domain"
    if code in (500, 501, 502, 503, 504, 555):
        return "protocol"
    if code in (550, 551, 553) and stage == "rcpt" and not re.search(r"[^\W\d_]", words):
        return "unavailable"
    if code == 421:
        return "wait"
    return "trouble" if code < 500 else "other"


def _before_rcpt(key: str, code: int, stage: Stage) -> str:
    """Reclassify a reply before RCPT: the relay does not know the recipient yet, so a mailbox in it is our address."""
    if key == "full":
        return "quota"
    if KINDS[key].group in _MAILBOX:
        return "sender_refused" if code >= 500 else "trouble"
    return "auth" if stage == "auth" and key in ("protocol", "other", "policy") else key
