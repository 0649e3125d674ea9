"""A letter's body as a tree, from Markdown tokens: the input of HTML, plain text and the checks.

Promises: CommonMark with tables, as :mod:`.dialect` has it. This project adds two rules: ``::: name argument`` …
``:::``, and a line that holds nothing but ``if``/``for`` tags. Nothing here judges. Markup that a letter may not have
(HTML, an unknown block, cells beyond the head) is in the tree, and :mod:`.checks` reports it. Raises ``TooMuch`` for a
body beyond the limits (:mod:`.limits`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from mailer.letter.compile.blocks import add_rules
from mailer.letter.compile.dialect import add_dialect, rows_apart
from mailer.letter.compile.limits import PICTURES, TimeLimit, TooMuch, Weight, add_limits
from mailer.letter.compile.placeholders import Masked, Placeholders
from mailer.letter.slots import scan
from mailer.messages import Message

_SAME = {
    "root", "paragraph", "bullet_list", "blockquote", "hr", "strong", "em", "softbreak", "hardbreak",
    "table", "thead", "tbody", "control",
}  # fmt: skip
_FOLLOWS = {"paragraph", "bullet_list", "ordered_list"}


@dataclass(slots=True)
class Element:
    """One part of the body. ``kind`` is markdown-it's name for it, or ``slot``, ``control``, ``block`` or ``comment``.

    ``text``: of a text, code, HTML, slot or control (the word), an image's description, a definition's label.
    ``target``: an address.
    ``name``: a block's name, a heading's level, an ordered list's first number and an item's as written. Also a
    cell's alignment, the words behind a code fence, how many cells a row has. ``close``: no empty line is before it,
    tags ignored. ``sure``: a part of it is always shown, or it has a condition for that around it.
    """

    kind: str
    line: int
    children: list[Element] = field(default_factory=list)
    text: str = ""
    target: str = ""
    title: str = ""
    name: str = ""
    closed: bool = True
    close: bool = False
    sure: bool = False

    def walk(self) -> Iterator[Element]:
        """Yield this element and all below it, in reading order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def copy(self) -> Element:
        """Return a copy for a caller that changes it."""
        return replace(self, children=[child.copy() for child in self.children])

    def plain(self) -> str:
        """Return the text of this element and all below it, with the words of its tags."""
        own = " " if self.kind in ("softbreak", "hardbreak", "paragraph") else self.text
        return own + "".join(child.plain() for child in self.children)


def parse(masked: Masked, placeholders: Placeholders, time_limit: TimeLimit | None = None) -> Element:
    """Return the tree of a masked body. Raises ``TooMuch``, whose ``at`` is a line of the file."""
    masked = rows_apart(masked, placeholders)
    markdown = MarkdownIt("commonmark", {"html": True, "inline_definitions": True}).enable("table")
    markdown.validateLink = _any_link  # type: ignore[method-assign] # checks.py reports its faults
    add_rules(markdown, placeholders)
    add_dialect(markdown, placeholders)
    add_limits(markdown, time_limit or TimeLimit())
    try:
        tokens = markdown.parse(masked.text)
    except TooMuch as found:
        found.at = found.at or masked.line(found.line)
        raise
    root = _Builder(masked, placeholders).build(SyntaxTreeNode(tokens), 0)[0]
    _weigh(root, placeholders)
    return root


def _weigh(root: Element, placeholders: Placeholders) -> None:
    """Raise ``TooMuch`` if texts and addresses that are used repeatedly add up to too much."""
    weight, pictures = Weight(), 0
    for element in root.walk():
        texts = element.text, element.target, element.title
        weight.add(
            texts, (placeholders.tag(match[0]) for match in placeholders.word.finditer(" ".join(texts))), element.line
        )
        pictures += element.kind == "image"
        if pictures > PICTURES:
            expected = Message("{number} of them at most", number=PICTURES)
            raise TooMuch(0, Message("too many pictures"), expected, at=element.line)


def _any_link(url: str) -> bool:  # noqa: ARG001 - the signature is theirs
    return True


def image_names(body: str) -> tuple[str, ...]:
    """Return the files beside the letter that a body (Markdown with tags) uses as pictures.

    No addresses, no outside paths.
    """
    scanned = scan(body)
    placeholders = Placeholders(body)
    root = parse(placeholders.mask(scanned), placeholders)
    found = (element.target for element in root.walk() if element.kind == "image")
    return tuple(dict.fromkeys(name for name in found if is_beside(name) and not placeholders.word.search(name)))


def is_beside(name: str) -> bool:
    """Return whether a picture's name is a file beside the letter or below: no address, no path up or out."""
    parts = name.replace("\\", "/").split("/")
    return bool(name) and ":" not in name and ".." not in parts and "" not in parts


def _beside(address: str) -> str:
    """Return a picture's address as the name of a file: ``./mijn%20foto.png`` is ``mijn foto.png``."""
    return unquote(address).removeprefix("./")


def _described(node: SyntaxTreeNode) -> str:
    """Return a picture's description as plain text: without the signs of Markdown, with entities decoded."""
    inside = " " if node.type in ("softbreak", "hardbreak") else "" if node.type == "image" else node.content
    return inside + "".join(_described(child) for child in node.children)


class _Builder:
    def __init__(self, masked: Masked, placeholders: Placeholders) -> None:
        self.masked, self.placeholders = masked, placeholders
        self.source = masked.text.split("\n")

    def build(self, node: SyntaxTreeNode, inherited: int) -> list[Element]:
        """Return the elements of a node: one, or its children for a node that is no element of its own."""
        index = node.map[0] if not node.is_root and node.map else inherited
        if node.type == "inline":
            return self.inline(node, index)
        element = self.element(node, index)
        element.children = [child for below in node.children for child in self.build(below, index)]
        return [element]

    def inline(self, node: SyntaxTreeNode, index: int) -> list[Element]:
        """Return the children of an inline node, adjoining texts merged, each with its line."""
        elements: list[Element] = []
        for child in node.children:
            if child.type == "text":
                elements += self.texts(child.content, index)
                continue
            elements.append(self.element(child, index))
            elements[-1].children = [] if child.type == "image" else self.inline(child, index)
            if child.type == "link":
                elements[-1].line = self.line_with(elements[-1].target, index)
            index += child.type in ("softbreak", "hardbreak")
        return elements

    def texts(self, content: str, index: int) -> list[Element]:
        """Return a text as texts, slots and control tags."""
        elements = []
        position = 0
        for match in self.placeholders.word.finditer(content):
            if position < match.start():
                elements.append(Element("text", self.masked.line(index), text=content[position : match.start()]))
            kind = "slot" if match[1] == "s" else "control"
            elements.append(Element(kind, self.placeholders.tag(match[0]).line, text=match[0]))
            position = match.end()
        if position < len(content):
            elements.append(Element("text", self.masked.line(index), text=content[position:]))
        return elements

    def element(self, node: SyntaxTreeNode, index: int) -> Element:
        made = Element(node.type, self.masked.line(index), close=node.type in _FOLLOWS and self.follows(index))
        if node.type in _SAME:
            made.text = node.content if node.type == "control" else ""
        elif node.type in ("link", "image"):
            made.target = str(node.attrs.get("href", "")) or _beside(str(node.attrs.get("src", "")))
            made.title = str(node.attrs.get("title", ""))
            made.text = _described(node) if node.type == "image" else ""
        elif node.type == "heading":
            made.name = node.tag.removeprefix("h")
        elif node.type == "list_item":
            made.name = node.info
        elif node.type == "tr":
            made.name = str(node.meta.get("cells", ""))
        elif node.type == "fence":
            made.name, made.text = node.info.strip(), node.content
            made.closed = self.is_closed(node)
        elif node.type == "ordered_list":
            made.name = str(node.attrs.get("start", 1))
        elif node.type in ("th", "td"):
            made.name = str(node.attrs.get("style", "")).removeprefix("text-align:")
        elif node.type == "definition":
            made.text, made.target, made.title = node.meta["label"], node.meta["url"], node.meta["title"]
        elif node.type == "block":
            made.name, made.target, made.closed = node.meta["name"], node.meta["argument"], node.meta["closed"]
        else:
            made.text = node.content
        return made

    def is_closed(self, fence: SyntaxTreeNode) -> bool:
        """Return whether the last line of a piece of code is its closing fence, and not the end of its container."""
        first, end = fence.map or (0, 0)
        last = self.source[end - 1].strip(" \t>")
        return end - 1 > first and len(last) >= len(fence.markup) and not last.strip(fence.markup[0])

    def follows(self, index: int) -> bool:
        """Return whether the line above, tags ignored, is neither empty nor the beginning of a block."""
        while index and self.placeholders.control_line.fullmatch(self.source[index - 1].lstrip(" \t>")):
            index -= 1
        above = self.source[index - 1].lstrip(" \t>") if index else ""
        return bool(above) and not above.startswith(":::")

    def line_with(self, text: str, index: int) -> int:
        """Return the line at or below ``index`` that holds ``text``; a paragraph's links may stand on later lines."""
        for offset, line in enumerate(self.source[index : index + 40]):
            if not line.strip():
                break
            if text and text in line:
                return self.masked.line(index + offset)
        return self.masked.line(index)
