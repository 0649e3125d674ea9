"""A letter's body as plain text, from the same tree as the HTML: full addresses, lists, wrapped (C18, B27).

Lines are at most :data:`WIDTH` wide, except long addresses, which stay whole on a line of their own. The value of a
slot is not known yet: it is counted as its fallback, or as :data:`GUESS` characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from mailer.letter.compile.checks import is_picture
from mailer.letter.compile.flow import Flow
from mailer.letter.compile.placeholders import Placeholders
from mailer.letter.compile.places import in_address
from mailer.letter.compile.shape import jumps
from mailer.letter.compile.text_table import cell_by_cell, empty_columns
from mailer.letter.compile.tree import Element
from mailer.letter.slots import Tag, TagKind

WIDTH = 76
GUESS = 20
ADDRESS = 72  # a personal link: the public address, a letter, and a token of 36
_BLANK = " \t"  # where a line may break; a non-breaking space is kept, and keeps its words together
_BLANKS = re.compile(r"[ \t]+")
Opened = tuple[tuple[int, int], ...]
"""For each open condition: the width of the line at its beginning, and the largest width at the end of an arm."""
_FALLBACK = re.compile(r'default\("((?:[^"\\]|\\.)*)"\)')


def guessed_width(text: str, placeholders: Placeholders) -> int:
    """Return the expected width of a masked text: a slot as its fallback, at least :data:`GUESS`, other tags as 0."""
    return sum(_width(piece) for piece in placeholders.split(text))


def _extent(word: str, used: int, opened: Opened, placeholders: Placeholders) -> tuple[int, int, Opened]:
    """Return a line's largest width with a word after ``used`` characters, its last width, and open conditions.

    Each arm of a condition begins where the condition does, since a reader sees only one of them.
    """
    widest = used
    for piece in placeholders.split(word):
        if isinstance(piece, str) or piece.kind == "slot":
            used += _width(piece)
            widest = max(widest, used)
        elif piece.kind in ("if", "for"):
            opened = (*opened, (used, used))
        elif opened and piece.kind in ("elif", "else", "endif", "endfor"):
            start, longest = opened[-1]
            longest = max(longest, used)
            more = piece.kind in ("elif", "else")
            opened = (*opened[:-1], (start, longest)) if more else opened[:-1]
            used = start if more else longest
    return widest, used, opened


def wrapped(text: str, placeholders: Placeholders, *, first: str = "", rest: str = "", width: int = WIDTH) -> str:
    """Return a masked text in lines; ``first`` stands before the first line, ``rest`` before the others."""
    lines: list[str] = []
    opened: Opened = ()
    for hard in text.split("\n"):
        line, used = "", 0
        for word in _BLANKS.split(hard.strip(_BLANK)):
            widest, end, still = _extent(word, used + bool(line), opened, placeholders)
            if line and widest > width - len(rest):
                lines.append(line)
                line = word
                _, used, opened = _extent(word, 0, opened, placeholders)
            else:
                line = f"{line} {word}" if line else word
                used, opened = end, still
        lines.append(line)
    prefixes = [first] + [rest] * (len(lines) - 1)
    return "\n".join(f"{prefix}{line}".rstrip() for prefix, line in zip(prefixes, lines, strict=True))


@dataclass(frozen=True, slots=True)
class TextWriter:
    """Writes one tree as text."""

    placeholders: Placeholders

    def write(self, root: Element) -> str:
        """Return the text of a body; paragraphs are separated by an empty line."""
        return self._below(root, "", "", gap="\n\n") + "\n"

    def _below(self, parent: Element, first: str, rest: str, *, gap: str) -> str:
        """Write the blocks in ``parent``: ``first`` before the first one shown, ``gap`` and ``rest`` before others."""
        lines = parent.kind == "block" and parent.name == "signature"

        def then(child: Element) -> str:
            return ("\n" if lines and child.close else gap) + rest

        return Flow(self.placeholders, lambda child, lead: self._block(child, lead, rest), first, then).text(
            parent.children
        )

    def _block(self, element: Element, lead: str, rest: str) -> str:
        match element.kind:
            case "paragraph" if is_picture(element):
                return lead + self._picture(element, rest)
            case "paragraph":
                return lead + wrapped(self._inline(element), self.placeholders, rest=rest)
            case "heading":
                return lead + self._heading(element, rest) if element.children else ""
            case "bullet_list" | "ordered_list":
                return self._list(element, lead, rest)
            case "blockquote":
                return self._below(element, f"{lead}> ", f"{rest}> ", gap=_empty(f"{rest}> "))
            case "block":
                return self._named(element, lead, rest)
            case "hr":
                return f"{lead}{'-' * 40}"
            case "fence":
                lines = element.text.rstrip("\n").split("\n")
                return lead + "\n".join(f"{rest if count else ''}    {line}" for count, line in enumerate(lines))
            case "table":
                return self._table(element, lead, rest)
            case _:
                return ""

    def _heading(self, element: Element, rest: str) -> str:
        text = wrapped(self._inline(element), self.placeholders, rest=rest)
        widest = max(guessed_width(line, self.placeholders) for line in text.split("\n"))
        return f"{text}\n{rest}{'-' * min(widest, WIDTH - len(rest))}"

    def _list(self, element: Element, lead: str, rest: str) -> str:
        """Return the items one below the other, with an empty line between if an item has several paragraphs."""
        loose = any(sum(below.kind == "paragraph" for below in item.children) > 1 for item in element.children)
        gap = _empty(rest) if loose else "\n"
        tagged = any(child.kind == "control" for child in element.children)
        marks = self._marks(element, counted=tagged) if element.kind == "ordered_list" else {}

        def item(child: Element, before: str) -> str:
            mark, width = marks.get(id(child), ("- ", 2))
            inner = rest + " " * width
            if not child.children:
                return before + mark.rstrip()
            return self._below(child, before + mark, inner, gap=_empty(inner) if loose else "\n")

        text = Flow(self.placeholders, item, lead, lambda _: gap + rest).text(element.children)
        return (
            self._tag("numbered", element.name or "1") + text + self._tag("endnumbered") if marks and tagged else text
        )

    def _marks(self, element: Element, *, counted: bool) -> dict[int, tuple[str, int]]:
        """Return the mark of each item of a numbered list, and its width; ``counted``: numbered when it is filled."""
        marks: dict[int, tuple[str, int]] = {}
        values, number = jumps(element, self.placeholders), int(element.name or 1) - 1
        for child in element.children:
            if child.kind == "list_item":
                number = values.get(id(child), number + 1)
                word = self._tag("number", str(values.get(id(child), ""))) if counted else str(number)
                marks[id(child)] = f"{word}. ", len(f"{number}. ")
        return marks

    def _tag(self, kind: TagKind, source: str = "") -> str:
        return self.placeholders.put(Tag(kind, source, "", 0, 0, ""))

    def _named(self, element: Element, lead: str, rest: str) -> str:
        if element.name == "button":
            label = _BLANKS.sub(" ", element.plain()).strip(_BLANK)
            address = in_address(element.target, self.placeholders)
            return lead + wrapped(f"{label}:\n<{address}>", self.placeholders, rest=rest)
        if element.name == "signature":
            for below in element.walk():
                below.kind = "hardbreak" if below.kind == "softbreak" else below.kind
        return self._below(element, lead, rest, gap=_empty(rest))

    def _picture(self, paragraph: Element, rest: str) -> str:
        link = next((child for child in paragraph.children if child.kind == "link"), None)
        image = next(child for child in paragraph.walk() if child.kind == "image")
        below = f"\n<{in_address(link.target, self.placeholders)}>" if link else ""
        text = f"[{image.text}]" + (f"\n{image.title}" if image.title else "") + below
        return wrapped(text, self.placeholders, rest=rest)

    def _table(self, table: Element, lead: str, rest: str) -> str:
        """Return each row on a line, with tags between rows; cell by cell where a row would be too wide."""
        rows = [row for part in table.children for row in part.children]
        cells = {id(row): [self._inline(cell) for cell in row.children] for row in rows if row.kind == "tr"}
        head, *others = cells.values()
        shown = rows if "".join(head).strip() or not others else rows[1:]
        if all(guessed_width(" | ".join(row), self.placeholders) + len(rest) <= WIDTH for row in (head, *others)):
            return self._rows(
                shown, lambda row, before: before + " | ".join(cells[id(row)]).rstrip(), lead, f"\n{rest}"
            )
        if not others:
            return lead + wrapped(" | ".join(head), self.placeholders, rest=f"{rest}  ")
        empty = empty_columns(others)

        def write(row: Element, before: str) -> str:
            lines = cell_by_cell(head, cells[id(row)], empty)
            return before + f"\n{rest}".join(wrapped(line, self.placeholders, rest=f"{rest}  ") for line in lines)

        return self._rows(rows[1:], write, lead, _empty(rest) + rest)

    def _rows(self, rows: list[Element], write: Callable[[Element, str], str], lead: str, gap: str) -> str:
        return Flow(self.placeholders, write, lead, lambda _: gap).text(rows)

    def _inline(self, element: Element) -> str:
        return "".join(self._word(child) for child in element.children)

    def _word(self, element: Element) -> str:
        match element.kind:
            case "strong":
                return f"*{self._inline(element)}*"
            case "em":
                return f"_{self._inline(element)}_"
            case "link":
                return self._link(element)
            case "softbreak":
                return " "
            case "hardbreak":
                return "\n"
            case "image":
                return f"[{element.text}]"
            case "html_inline":
                return ""
            case _:
                return element.text + self._inline(element)

    def _link(self, element: Element) -> str:
        """Return the text and the address, or one of them where the other adds nothing."""
        text, target = self._inline(element), element.target
        text += f" ({element.title})" if element.title else ""
        bare = target.removeprefix("mailto:").removeprefix("tel:")
        address = in_address(target, self.placeholders)
        if text.strip() == target:
            return address
        if text.strip() == bare or (text.strip() == bare.split("?")[0] and not self.placeholders.word.search(target)):
            return text
        whole = ":" in bare or "?" in bare or self.placeholders.word.search(target)
        return f"{text} <{address if whole else bare}>"


def _empty(rest: str) -> str:
    """Return an empty line with ``rest`` before it."""
    return f"\n{rest.rstrip()}\n"


def _width(piece: str | Tag) -> int:
    if isinstance(piece, str):
        return len(piece)
    if piece.kind != "slot":
        return 0
    if piece.source.startswith("links."):
        return ADDRESS
    fallback = _FALLBACK.search(piece.source)
    return max(GUESS, len(fallback[1])) if fallback else GUESS
