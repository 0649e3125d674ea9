"""Differences of the body's Markdown from CommonMark, so that no word vanishes or becomes unintended markup.

- ``---`` is a thin line, also right under a line of text: no heading is made by underlining.
- Indentation makes no code, and HTML swallows no lines: it is found within a paragraph alone.
- A comment ``<!-- … -->`` at the beginning of a line may hold empty lines; text behind it stays.
- ``[label]: address`` is taken out only the first time, and only if the label is used and leads somewhere; else it is
  text.
- A numbered list begins with 1 or 0, or goes on from the one before it. Otherwise it needs two items one right below
  the other or with consecutive numbers; else it is text.
- Rows of a table may stand between ``if``/``for`` tags, which have a line of their own or stand around the row. Empty
  lines and comments between rows are left out. A line without a bar is no row.

Raises nothing; each rule looks at a line a bounded number of times.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from dataclasses import replace
from itertools import pairwise, takewhile

from markdown_it import MarkdownIt
from markdown_it.common.utils import normalizeReference
from markdown_it.rules_block import StateBlock, list_block, reference, table
from markdown_it.rules_block.table import escapedSplit
from markdown_it.token import Token

from mailer.letter.compile.placeholders import Masked, Placeholders

_OFF = ("lheading", "code", "html_block")
_INTERRUPTS = {"alt": ["paragraph", "reference", "blockquote"]}
_LABEL = r"\[((?:\\.|[^\[\]\\\n]){1,999})\]"
_LABELS, _DEFINED = re.compile(_LABEL), re.compile(rf"^[ \t>*+\-\d.)]*{_LABEL}:", re.MULTILINE)
_DEFINITION = re.compile(rf"{_LABEL}:[ \t]*\n?[ \t>]*(\S*)")
_DELIMITER = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?")
_COMMENT_LINE = re.compile(r"<!--(?:(?!-->).)*-->")
_LEADS = re.compile(r"[/.:#@]")


def add_dialect(markdown: MarkdownIt, placeholders: Placeholders) -> None:
    """Add all these rules to ``markdown``."""
    markdown.disable(list(_OFF))
    rules = _Rules(placeholders)
    markdown.block.ruler.before("fence", "comment", rules.comment, _INTERRUPTS)  # type: ignore[arg-type]
    markdown.block.ruler.at("reference", rules.reference)
    markdown.block.ruler.at("list", rules.lists, {"alt": ["paragraph", "reference", "blockquote"]})
    markdown.block.ruler.at("table", rules.table, {"alt": ["paragraph", "reference"]})


def line_of(state: StateBlock, number: int) -> str:
    """Return a line without the prefixes of its containers."""
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]].rstrip()


def rows_apart(masked: Masked, placeholders: Placeholders) -> Masked:
    """Return the text with tags around a table's row, on its line, moved to lines of their own."""
    tags = rf"(?:{placeholders.control}[ \t]*)+"
    around = re.compile(rf"(?:(?<=^)|(?<=\|)[ \t]*)({tags})(?:(?=\|)|$)")
    between = re.compile(rf"(?<=\|)({tags})(?=\|)")
    lines: list[str] = []
    numbers: list[int] = []
    source = masked.text.split("\n")
    for index, line in _rows_together(source, placeholders) if "|" in masked.text else enumerate(source):
        prefix = "".join(takewhile(" \t>".__contains__, line)) if "|" in line else ""
        row = line[len(prefix) :]
        first, last = around.match(row), around.search(row, row.rfind("|")) if "|" in line else None
        if "|" in line and (first or (last and last.end() == len(row))):
            row = between.sub(r"\n\1\n", around.sub(r"\n\1\n", row))
        parts = [prefix + part for part in row.split("\n") if part.strip()] or [line]
        lines += parts
        numbers += [masked.line(index)] * len(parts)
    return replace(masked, text="\n".join(lines), lines=tuple(numbers))


def _rows_together(lines: list[str], placeholders: Placeholders) -> list[tuple[int, str]]:
    """Return the numbered lines, without empty ones and comments between the rows and tags of one table."""
    kept: list[tuple[int, str]] = []
    gap: list[tuple[int, str]] = []  # the lines behind the last row: empty lines, comments, tags
    row = re.compile(rf"(?:{placeholders.control}[ \t]*)*\|")
    table = code = False
    depth = 0  # of the open conditions that begin within the table
    for index, line in enumerate(lines):
        bare = line.lstrip(" \t>").rstrip()
        if table and (not bare or _COMMENT_LINE.fullmatch(bare) or placeholders.control_line.fullmatch(bare)):
            gap.append((index, line))
            continue
        follows = lines[index + 1].strip(" \t>") if index + 1 < len(lines) else ""
        goes_on = table and bool(row.match(bare)) and not _DELIMITER.fullmatch(follows)
        kept += _of_table(gap, placeholders, len(gap) if goes_on else _closed_at(gap, depth, placeholders))
        table = not code and (goes_on or (table and not gap and "|" in bare) or bool(_DELIMITER.fullmatch(bare)))
        depth = depth + sum(_step(each, placeholders) for _, each in (*gap, (index, line))) if table else 0
        gap = []
        kept.append((index, line))
        code ^= bare.startswith(("```", "~~~"))
    return kept + _of_table(gap, placeholders, _closed_at(gap, depth, placeholders))


def _of_table(gap: list[tuple[int, str]], placeholders: Placeholders, end: int) -> list[tuple[int, str]]:
    """Return a gap whose first ``end`` lines belong to the table: of these only the tags, and the rest unchanged."""
    return [each for each in gap[:end] if placeholders.word.search(each[1]) and "<!--" not in each[1]] + gap[end:]


def _closed_at(gap: list[tuple[int, str]], depth: int, placeholders: Placeholders) -> int:
    """Return how many lines of a gap there are up to the end of the condition that began in the table."""
    for number, (_, line) in enumerate(gap if depth > 0 else (), start=1):
        depth += _step(line, placeholders)
        if depth <= 0:
            return number
    return 0


def _step(line: str, placeholders: Placeholders) -> int:
    """Return how many more conditions are open behind a line than before it."""
    kinds = [placeholders.tag(word[0]).kind for word in placeholders.word.finditer(line)]
    return sum((kind in ("if", "for")) - (kind in ("endif", "endfor")) for kind in kinds)


class _Rules:
    """The rules of one parse, and their state."""

    def __init__(self, placeholders: Placeholders) -> None:
        self.placeholders = placeholders
        self.ends: list[int] | None = None
        self.used: Counter[str] | None = None
        self.last: dict[int, int] = {}  # the last number of the numbered list before, by level

    def comment(self, state: StateBlock, start: int, end: int, silent: bool) -> bool:
        """Take a comment that begins a line; the text behind it on the same line is left to the other rules."""
        begin = state.bMarks[start] + state.tShift[start]
        if not state.src.startswith("<!--", begin):
            return False
        if self.ends is None:
            self.ends = [match.start() for match in re.finditer("-->", state.src)]
        at = bisect_left(self.ends, begin + 4)
        if at == len(self.ends):
            return False
        close = self.ends[at] + 3
        last = bisect_left(state.eMarks, close, start)
        inside = range(start + 1, min(last + 1, end))
        if last >= end or any(state.sCount[n] < state.blkIndent and not state.isEmpty(n) for n in inside):
            return False
        rest = state.src[close : state.eMarks[last]]
        if rest.strip() and last == start:
            return False  # within a paragraph
        if silent:
            return True
        token = state.push("comment", "", 0)
        token.content, token.map = state.src[begin:close], [start, last + 1]
        state.line = last + 1
        if rest.strip():
            state.line = last
            state.bMarks[last] = close
            state.tShift[last] = len(rest) - len(rest.lstrip())
            state.sCount[last] = state.blkIndent
        return True

    def reference(self, state: StateBlock, start: int, end: int, silent: bool) -> bool:
        """Take the definition of a label that is used, once."""
        begin = state.bMarks[start] + state.tShift[start]
        found = _DEFINITION.match(state.src, begin) if state.src.startswith("[", begin) else None
        if not found or found[1].startswith("^"):
            return False
        if self.used is None:
            self.used = Counter(normalizeReference(match[1]) for match in _LABELS.finditer(state.src))
            self.used -= Counter(normalizeReference(match[1]) for match in _DEFINED.finditer(state.src))
        label, target = normalizeReference(found[1]), found[2]
        leads = _LEADS.search(target) or self.placeholders.word.search(target)
        if not leads or not self.used[label] or label in state.env.get("references", {}):
            return False
        return reference(state, start, end, silent)

    def lists(self, state: StateBlock, start: int, end: int, silent: bool) -> bool:
        """Take a list, unless its only number is more likely a date or a year."""
        before = len(state.tokens)
        if not list_block(state, start, end, silent):
            return False
        if silent or state.tokens[before].type != "ordered_list_open":
            return True
        level = state.tokens[before].level
        items = [
            token for token in state.tokens[before:] if token.type == "list_item_open" and token.level == level + 1
        ]
        numbers = [int(token.info) for token in items]
        begins = numbers[0] in (0, 1, self.last.get(level, -1) + 1) or _goes_on(state.tokens, before)
        if begins or any(_follows(state, above, item) for above, item in pairwise(items)):
            self.last[level] = numbers[-1]
            return True
        del state.tokens[before:]
        state.line = start
        return False

    def table(self, state: StateBlock, start: int, end: int, silent: bool) -> bool:
        """Take a table; lines of tags between its rows are tags, and each row records how many cells were written."""
        if not table(state, start, min(start + 2, end), True):
            return False
        if silent:
            return True
        before = len(state.tokens)
        table(state, start, self.last_row(state, start + 2, end), False)
        tokens = state.tokens[before:]
        kept: list[Token] = []
        tags = False
        for token in tokens:
            if token.type == "tr_open":
                line = line_of(state, token.map[0]) if token.map else ""
                tags = bool(self.placeholders.control_line.fullmatch(line))
                token.meta = {"cells": _cells(line)}
                if tags:
                    kept += self.tags(line, token)
            if not tags:
                kept.append(token)
            tags = tags and token.type != "tr_close"
        del state.tokens[before:]
        list.extend(state.tokens, kept)  # the tokens were counted when they were made
        return True

    def tags(self, line: str, row: Token) -> list[Token]:
        """Return the tags of a line, which replace a row."""
        words = self.placeholders.word.finditer(line)
        return [Token("control", "", 0, content=word[0], map=row.map, level=row.level, block=True) for word in words]

    def last_row(self, state: StateBlock, start: int, end: int) -> int:
        """Return the line behind the last row: tags belong to the table if they begin, end and contain rows in it."""
        depth, opened, number = 0, start, start
        for number in range(start, end):
            line = line_of(state, number)
            if state.sCount[number] < state.blkIndent or ("|" not in line and not self.tag(line)):
                return opened if depth else number
            for word in self.placeholders.word.finditer(line) if self.tag(line) else ():
                kind = self.placeholders.tag(word[0]).kind
                opened = opened if depth else number
                depth += (kind in ("if", "for")) - (kind in ("endif", "endfor"))
                if depth < 0 or (depth == 0 and kind in ("elif", "else")):
                    return number
        return opened if depth else max(start, end)

    def tag(self, line: str) -> bool:
        """Return whether a line holds tags and nothing else."""
        return bool(self.placeholders.control_line.fullmatch(line))


def _follows(state: StateBlock, above: Token, item: Token) -> bool:
    """Return whether an item has the next number, or stands right below the one above it."""
    return int(item.info) == int(above.info) + 1 or bool(item.map and not state.isEmpty(item.map[0] - 1))


def _goes_on(tokens: list[Token], before: int) -> bool:
    """Return whether nothing but tags stands between a list and the numbered list before it."""
    position = before - 1
    while position >= 0 and tokens[position].type == "control":
        position -= 1
    return 0 <= position < before - 1 and tokens[position].type == "ordered_list_close"


def _cells(line: str) -> int:
    """Return how many cells a row has, without empty ones at its end."""
    cells = escapedSplit(line.strip())
    if cells and not cells[0]:
        cells.pop(0)
    while cells and not cells[-1].strip():
        cells.pop()
    return len(cells)
