"""This project's two Markdown rules: ``::: name argument`` … ``:::``, and a line of tags (``{% if … %}`` alone).

A fence has three colons or more. A line with as many or more and nothing else closes it. So a block within a block has
a shorter fence than the one around it. :data:`BLOCKS` lists the blocks of a letter; a further kind (teaser, columns)
needs an entry here and a layout for HTML and for text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock

from mailer.letter.compile.dialect import line_of
from mailer.letter.compile.placeholders import Placeholders


@dataclass(frozen=True, slots=True)
class BlockKind:
    """The form of a block: an address after its name or nothing; one line of text or any Markdown inside."""

    name: str
    argument: Literal["url", "none"]
    content: Literal["line", "flow"]


BLOCKS = {
    kind.name: kind
    for kind in (
        BlockKind("button", "url", "line"),
        BlockKind("signature", "none", "flow"),
        BlockKind("small", "none", "flow"),
    )
}
_OPEN = re.compile(r"(:{3,})[ \t]*([^\s:]+)[ \t]*(.*)")
_CLOSE = re.compile(r"(:{3,})[ \t]*")
_INTERRUPTS: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}


def add_rules(markdown: MarkdownIt, placeholders: Placeholders) -> None:
    """Add the two rules to ``markdown``."""

    def control(state: StateBlock, start: int, _end: int, silent: bool) -> bool:
        line = line_of(state, start)
        rows = silent and state.parentType == "table"  # dialect.py handles tags between rows
        if rows or not placeholders.control_line.fullmatch(line):
            return False
        if not silent:
            for word in placeholders.word.finditer(line):
                token = state.push("control", "", 0)
                token.content, token.map = word[0], [start, start + 1]
            state.line = start + 1
        return True

    markdown.block.ruler.before("fence", "control", control, _INTERRUPTS)
    markdown.block.ruler.before("fence", "block", _block, _INTERRUPTS)


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    line = line_of(state, start)
    opening, stray = _OPEN.fullmatch(line), bool(_CLOSE.fullmatch(line))
    if not (opening or stray):
        return False
    if silent:
        return True
    if opening is None:  # closes no open block: checks.py reports it
        token = state.push("stray_fence", "", 0)
        token.content, token.map = line, [start, start + 1]
        state.line = start + 1
        return True
    last = _closing_line(state, start + 1, end, len(opening[1]))
    token = state.push("block_open", "div", 1)
    token.meta = {"name": opening[2], "argument": opening[3].strip(), "closed": last < end}
    token.map = [start, last]
    parent, state.parentType = state.parentType, "block"
    limit, state.lineMax = state.lineMax, last
    state.md.block.tokenize(state, start + 1, last)
    state.parentType, state.lineMax = parent, limit
    state.push("block_close", "div", -1)
    state.line = min(last + 1, end)
    return True


def _closing_line(state: StateBlock, start: int, end: int, colons: int) -> int:
    """Return the line that closes a fence of ``colons``, or ``end``. Within a list, a fence ends with the list."""
    inner: list[int] = []  # colons of the fences opened since
    for number in range(start, end):
        line = line_of(state, number)
        if state.sCount[number] < state.blkIndent and line:
            return end
        opening, closing = _OPEN.fullmatch(line), _CLOSE.fullmatch(line)
        if opening:
            inner.append(len(opening[1]))
        elif closing:
            if inner and len(closing[1]) >= inner[-1]:
                inner.pop()
            elif len(closing[1]) >= colons:
                return number
    return end
