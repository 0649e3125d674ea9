"""I14: every word of the source occurs in the HTML and in the text part, or is reported with its line.

The safety net for cases without a rule: it compares words, not structure. A word is letters and digits. Parts of the
source that are no text are left out: comments, the names of blocks, labels of references. Words that only one part can
show are forgiven: an address counts where its link or picture does, a list's number where its item does.

Gives the lost words, raises nothing; its work grows with the length of the letter and no faster. Success does not mean
that words stand in their order, or that a contact's conditions show them: each branch counts as shown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html import unescape
from typing import NamedTuple
from urllib.parse import unquote

from markdown_it.common.utils import normalizeReference

from mailer.letter.compile.blocks import BLOCKS
from mailer.letter.compile.placeholders import Masked, Placeholders
from mailer.letter.compile.tree import Element

_TOGETHER = 8  # words that run together at most
_WORD = re.compile(r"[^\W_]+")
_HOST = re.compile(r"xn--([a-z0-9-]{1,60})", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_BLOCK = re.compile(rf"^([ \t>*+\-\d.)]*:{{3,}}[ \t]*)(?:{'|'.join(BLOCKS)})\b", re.MULTILINE)
_USED = re.compile(r"\]\[((?:\\.|[^\[\]\\\n]){1,999})\]")
_MARKUP = re.compile(r"""<!--\[if[^\]]*\]>(?:<!-->)?|<!--|-->|<!\[endif\]|</?[a-zA-Z](?:[^<>"']|"[^"]*"|'[^']*')*>""")
_SHOWN = re.compile(r"""\b(?:href|alt|title)\s*=\s*("[^"]*"|'[^']*')""")


class Lost(NamedTuple):
    """Words of a line of the file that no reader would see."""

    line: int
    words: str


@dataclass(frozen=True, slots=True)
class Parts:
    """The results of a source: the tree, the HTML of its body and of the whole letter, and its text."""

    root: Element
    body: str
    page: str
    text: str


def lost(masked: Masked, placeholders: Placeholders, parts: Parts) -> list[Lost]:
    """Return the words of the masked source that are missing from one part or both, by line."""

    def apart(text: str) -> str:
        return placeholders.word.sub(r" \g<0> ", text)

    forgiven = Counter(_alike(_forgiven(parts.root, masked.text, apart)))
    html = Counter(_html_words(apart(parts.body))) & Counter(_html_words(apart(parts.page)))
    text = Counter(_alike(_words(apart(parts.text))))
    lines = [_words(line) for line in _without_signs(apart(masked.text)).split("\n")]
    missing = _missing(lines, html + forgiven) | _missing(lines, text + forgiven)
    if not missing:
        return []
    found: list[Lost] = []
    by_share = sorted(range(len(lines)), key=lambda index: -_share(lines[index], missing))
    for index in by_share:
        words = list(_take(lines[index], missing))
        if words:
            found.append(Lost(masked.line(index), placeholders.show(" ".join(words))))
    return sorted(found)


def _missing(lines: list[list[str]], shown: Counter[str]) -> Counter[str]:
    """Return the words of lines that are not shown, neither alone nor joined, as around a link in text."""
    source = Counter(word for line in lines for word in _alike(line))
    gone, extra = source - shown, shown - source
    for line in lines if gone else ():
        words = list(_alike(line))
        for start in range(len(words)):
            for end in range(start + 2, min(start + _TOGETHER, len(words)) + 1):
                together = words[start:end]
                if not gone[together[-1]] or not gone[together[0]]:
                    break
                if extra["".join(together)] > 0:
                    extra["".join(together)] -= 1
                    gone.subtract(together)
                    break
    return +gone


def _share(words: list[str], missing: Counter[str]) -> float:
    return sum(word in missing for word in _alike(words)) / len(words) if words else 0


def _take(words: Iterable[str], missing: Counter[str]) -> Iterator[str]:
    """Yield those of the words that are missing, each as often as it is missing."""
    for word in words:
        if missing[word.casefold()] > 0:
            missing[word.casefold()] -= 1
            yield word


def _alike(words: Iterable[str]) -> Iterator[str]:
    return (word.casefold() for word in words)


def _without_signs(text: str) -> str:
    """Return the source without comments and names of blocks, with its line breaks."""
    text = _COMMENT.sub(lambda match: "\n" * match[0].count("\n"), text) if "-->" in text else text
    return _BLOCK.sub(r"\1", text)


def _forgiven(root: Element, source: str, apart: Callable[[str], str]) -> Iterator[str]:
    uses = Counter(normalizeReference(match[1]) for match in _USED.finditer(source)) if "][" in source else Counter()
    for element in root.walk():
        if element.kind in ("link", "image", "block"):
            yield from _words(apart(element.target))
        elif element.kind in ("list_item", "fence"):
            yield from _words(element.name)  # checks.py reports the words behind a fence
        elif element.kind == "definition":
            for _ in range(1 + uses[normalizeReference(element.text)]):
                yield from _words(element.text)


def _html_words(html: str) -> Iterator[str]:
    return _alike(_words(_MARKUP.sub(lambda tag: f" {' '.join(match[1] for match in _SHOWN.finditer(tag[0]))} ", html)))


def _words(text: str) -> list[str]:
    """Return the words of a text, whose characters may be plain, entities or percent-encoded."""
    for _ in range(3):
        text = unescape(text) if "&" in text else text
    text = unquote(text) if "%" in text else text
    return _WORD.findall(_HOST.sub(_unicode, text) if "xn--" in text else text)


def _unicode(match: re.Match[str]) -> str:
    try:
        return match[1].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError):
        return match[0]
