"""A letter's body as plain text, from the same tree as the HTML: full addresses, lists, wrapped (C18, B27).

Lines are at most :data:`WIDTH` wide, long addresses excepted, which stay whole on a line of their own. What a slot will
be is not known yet: it is counted as its fallback, or as :data:`GUESS` characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailer.letter.compile.checks import is_picture
from mailer.letter.compile.mask import Masker
from mailer.letter.compile.places import in_address
from mailer.letter.compile.texttable import text_table
from mailer.letter.compile.tree import Element
from mailer.letter.slots import Tag

WIDTH = 76
GUESS = 20
ADDRESS = 72  # a personal link: the public address, a letter, and a token of 36
_BLANK = " \t"  # what a line may end at: a non-breaking space is kept, and keeps its words together
_BLANKS = re.compile(r"[ \t]+")
_FALLBACK = re.compile(r'default\("((?:[^"\\]|\\.)*)"\)')


def guessed_width(text: str, masker: Masker) -> int:
    """How wide a masked text will be: a slot as its fallback, at least :data:`GUESS`; other tags as nothing."""
    return sum(_width(piece) for piece in masker.split(text))


def wrapped(text: str, masker: Masker, *, first: str = "", rest: str = "", width: int = WIDTH) -> str:
    """A masked text in lines; ``first`` stands before the first line, ``rest`` before the others."""
    lines: list[str] = []
    for hard in text.split("\n"):
        line, used = "", 0
        for word in _BLANKS.split(hard.strip(_BLANK)):
            wide = guessed_width(word, masker)
            if line and used + 1 + wide > width - len(rest):
                lines.append(line)
                line, used = word, wide
            else:
                line, used = (f"{line} {word}", used + 1 + wide) if line else (word, wide)
        lines.append(line)
    prefixes = [first] + [rest] * (len(lines) - 1)
    return "\n".join(f"{prefix}{line}".rstrip() for prefix, line in zip(prefixes, lines, strict=True))


@dataclass(frozen=True, slots=True)
class TextWriter:
    """Writes one tree as text."""

    masker: Masker

    def write(self, root: Element) -> str:
        """The text of a body; paragraphs are set apart by an empty line."""
        return self._blocks(root, "", "")

    def _blocks(self, parent: Element, first: str, rest: str) -> str:
        """The blocks in ``parent``: tags on lines of their own stand right before what they are about."""
        text = ""
        begun = False
        for child in parent.children:
            if child.kind == "control":
                text += child.text
                continue
            block = self._block(child, rest if begun else first, rest)
            if block:
                text += block + ("\n" if _is_looped(child) else "\n\n")
                begun = True
        return text

    def _block(self, element: Element, first: str, rest: str) -> str:
        match element.kind:
            case "paragraph" if is_picture(element):
                return self._picture(element, first, rest)
            case "paragraph":
                return wrapped(self._inline(element), self.masker, first=first, rest=rest)
            case "heading":
                return self._heading(element, first, rest)
            case "bullet_list" | "ordered_list":
                return self._list(element, first, rest)
            case "blockquote":
                return self._blocks(element, f"{first}> ", f"{rest}> ").rstrip("\n")
            case "block":
                return self._named(element, first, rest)
            case "hr":
                return f"{first}{'-' * 40}"
            case "fence" | "code_block":
                lines = element.text.rstrip("\n").split("\n")
                return "\n".join(f"{rest if count else first}    {line}" for count, line in enumerate(lines))
            case "table":
                return self._table(element, first, rest)
            case _:
                return ""

    def _heading(self, element: Element, first: str, rest: str) -> str:
        text = wrapped(self._inline(element), self.masker, first=first, rest=rest)
        widest = max(guessed_width(line, self.masker) for line in text.split("\n"))
        return f"{text}\n{rest}{'-' * min(widest - len(rest), WIDTH)}"

    def _list(self, element: Element, first: str, rest: str) -> str:
        """Items one below the other; with an empty line between them if an item has several paragraphs."""
        text, number, begun = "", int(element.name or 1), False
        loose = any(sum(below.kind == "paragraph" for below in item.children) > 1 for item in element.children)
        looped = _is_looped(element)
        for item in element.children:
            if item.kind == "control":
                text += item.text
                continue
            mark = f"{number}. " if element.kind == "ordered_list" and not looped else "- "
            before = rest if begun else first
            inside = self._blocks(item, before + mark, rest + " " * len(mark)).rstrip("\n")
            text += (inside if loose else re.sub(r"\n[ >]*\n", "\n", inside)) + ("\n\n" if loose else "\n")
            number, begun = number + 1, True
        return text.rstrip("\n") if not looped else text

    def _named(self, element: Element, first: str, rest: str) -> str:
        if element.name == "button":
            label = _BLANKS.sub(" ", element.plain()).strip(_BLANK)
            address = in_address(element.target, self.masker)
            return wrapped(f"{label}:\n<{address}>", self.masker, first=first, rest=rest)
        if element.name == "signature":
            for below in element.walk():
                below.kind = "hardbreak" if below.kind == "softbreak" else below.kind
        return self._blocks(element, first, rest).rstrip("\n")

    def _picture(self, paragraph: Element, first: str, rest: str) -> str:
        link = next((child for child in paragraph.children if child.kind == "link"), None)
        image = next(child for child in paragraph.walk() if child.kind == "image")
        text = (
            f"[{image.text}]"
            + (f"\n{image.title}" if image.title else "")
            + (f"\n<{in_address(link.target, self.masker)}>" if link else "")
        )
        return wrapped(text, self.masker, first=first, rest=rest)

    def _table(self, table: Element, first: str, rest: str) -> str:
        """A row a line, the cells with a bar between them; cell by cell where a row would be too wide."""
        rows = [[self._inline(cell) for cell in row.children] for part in table.children for row in part.children]
        pieces = text_table(
            rows,
            lambda line: guessed_width(line, self.masker) + len(rest) <= WIDTH,
            lambda text, indent: wrapped(text, self.masker, rest=rest + indent),
        )
        return "\n".join(f"{rest if count else first}{piece}".rstrip() for count, piece in enumerate(pieces))

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
        """The text and the address, or one of them where the other says no more."""
        text, target = self._inline(element), element.target
        bare = target.removeprefix("mailto:").removeprefix("tel:")
        address = in_address(target, self.masker)
        if text.strip() == target:
            return address
        if text.strip() == bare or (text.strip() == bare.split("?")[0] and not self.masker.word.search(target)):
            return text
        whole = ":" in bare or "?" in bare or self.masker.word.search(target)
        return f"{text} <{address if whole else bare}>"


def _is_looped(element: Element) -> bool:
    """Whether it is a list that a loop fills; its last line is ended within the loop."""
    return element.kind in ("bullet_list", "ordered_list") and any(c.kind == "control" for c in element.children)


def _width(piece: str | Tag) -> int:
    if isinstance(piece, str):
        return len(piece)
    if piece.kind != "slot":
        return 0
    if piece.source.startswith("links."):
        return ADDRESS
    fallback = _FALLBACK.search(piece.source)
    return max(GUESS, len(fallback[1])) if fallback else GUESS
