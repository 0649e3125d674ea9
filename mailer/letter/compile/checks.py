"""Checks of a letter's body, all at once: structure, blocks, links, pictures. Gives faults, raises nothing.

Errors stop the letter. Warnings (``Fault.severity``) are for a person to judge: link texts without meaning (C12),
pictures on another host, a first-level heading beside the title.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from mailer import similar
from mailer.control_characters import IN_STRICT_TEXT
from mailer.errors import Fault
from mailer.letter.compile.blocks import BLOCKS
from mailer.letter.compile.check_addresses import address_faults
from mailer.letter.compile.chosen import addresses_in
from mailer.letter.compile.leftovers import field_name, leftovers
from mailer.letter.compile.placeholders import Placeholders
from mailer.letter.compile.tree import Element, is_beside
from mailer.letter.picture import colours, picture
from mailer.letter.slots import MAX_FAULTS
from mailer.letter.source import LetterSource
from mailer.messages import Message

_SAYS_NOTHING = re.compile(
    "klik hier|hier|lees (meer|verder)|meer( info)?|deze link|link|click here|here|(read )?more|this link|more info|"
    "hier klicken|klicken sie hier|mehr|weiterlesen|cliquez ici|ici|lire la suite"
)
_COMMENT = re.compile(r"\s*<!--.*?-->\s*", re.DOTALL)
_TAG = re.compile(r"<(/?)\s*([\w-]*)")
_QUOTED = re.compile(r"\]\(([^()\s]{0,500}[“”„‘’«»][^()\s]{0,500})\)")
_PICTURE_WITH_BLANK = re.compile(r"!\[[^\[\]]{0,200}\]\(([^()<>\"]{1,200}\.(?:png|jpe?g|gif|webp))\)", re.IGNORECASE)
_INLINE_ONLY = frozenset({"text", "slot", "control", "strong", "em", "code_inline", "softbreak", "hardbreak"})
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Checker:
    """Checks one body; ``where`` is a fault with file and field filled in."""

    placeholders: Placeholders
    source: LetterSource
    opened: set[str] = field(default_factory=set)  # the names of HTML tags that were reported
    written: list[str] = field(default_factory=list)  # the lines of the body

    def check(self, root: Element, *, tags_are_right: bool) -> list[Fault]:
        """Return faults and warnings by line; places of tags are checked only if the tags themselves are right.

        After :data:`MAX_FAULTS` faults the rest is left for the next check.
        """
        faults: list[Fault] = []
        self.written.extend(self.source.body.split("\n"))
        for element in root.walk():
            if len(faults) >= MAX_FAULTS:
                break
            if tags_are_right:
                tags = [(child.line, child.text) for child in element.children if child.kind == "control"]
                faults += self._balance(tags)
                faults += self._balance(self._in_code(element))
            faults += self._element(element)
        return sorted(faults, key=lambda fault: fault.line)

    def fault(self, line: int, found: str, expected: str, hint: str = "") -> Fault:
        """Return a fault of the body; ``found``: a message, or a part of the letter, which is shown shortened."""
        shown = found
        if not isinstance(found, Message):
            shown = self.placeholders.show(found).strip().replace("\n", " ")
            shown = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"
        return Fault(self.source.file, line, "body", shown, expected, hint)

    def warning(self, line: int, found: str, expected: str, hint: str = "") -> Fault:
        """Return a warning of the body."""
        return replace(self.fault(line, found, expected, hint), severity="warning")

    def _element(self, element: Element) -> Iterator[Fault]:
        match element.kind:
            case "html_inline" | "comment":
                yield from self._html(element)
            case "block":
                yield from self._block(element)
            case "stray_fence":
                yield self.fault(
                    element.line, element.text, Message("a block that is open here, such as ::: signature")
                )
            case "link":
                yield from self._link(element)
            case "paragraph" | "heading" | "td" | "th":
                yield from self._pictures(element)
                yield from self._leftovers(element)
            case _:
                yield from self._whole(element)
        control = IN_STRICT_TEXT.search(element.text + element.title)  # B75; also as an entity such as &#12;
        if control and element.kind not in ("fence", "code_block"):
            yield self.fault(element.line, f"U+{ord(control[0]):04X}", Message("text without control characters"))
        if element.kind == "heading" and element.name == "1":
            hint = Message("The title of the letter is its first heading.")
            yield self.warning(element.line, f"# {element.plain()}", Message("## for a heading"), hint)
        if (
            element.kind == "slot"
            and not self.source.online
            and self.placeholders.tag(element.text).source == "links.online"
        ):
            yield self._no_online(element.line, element.text)

    def _whole(self, element: Element) -> Iterator[Fault]:
        """Yield the faults of parts that would be left out, or would not become the markup that was meant."""
        match element.kind:
            case "table":
                yield from self._cells(element)
            case "fence":
                yield from self._fence(element)
            case "text" if "<!--" in element.text:
                yield self.fault(
                    element.line, element.text, Message("--> where the comment ends, in the same paragraph")
                )
            case "text" if blank := _PICTURE_WITH_BLANK.search(element.text):
                expected = Message("![description](<{name}>), with < and > around a name with spaces")
                yield self.fault(element.line, blank[0], expected.format(name=blank[1]))
            case "text" if "](" in element.text:
                yield self.fault(element.line, element.text, Message("[text](address) with no space in the address"))
            case "list_item" if not element.children:
                yield self.warning(
                    element.line, f"{element.name}." if element.name else "-", Message("the text of an item")
                )

    def _html(self, element: Element) -> Iterator[Fault]:
        if _COMMENT.fullmatch(element.text):
            tags = [match[0] for match in self.placeholders.word.finditer(element.text)]
            yield from self._balance([(self.placeholders.tag(tag).line, tag) for tag in tags])
            return
        tag = _TAG.match(element.text)
        closes, name = (bool(tag[1]), tag[2].lower()) if tag else (False, "")
        if not closes or name not in self.opened:  # a closing tag was reported with its opening tag
            hint = Message("HTML cannot stand in a letter; for a lone < write &lt;")
            if name == "br":
                hint = Message("For a new line put a backslash at the end of the line.")
            elif field_name(name):
                hint = Message("Write {tag}", tag=f'{{{{ contact.{name} | default("…") }}}}')
            yield self.fault(element.line, element.text, Message("Markdown"), hint)
        if not closes:
            self.opened.add(name)

    def _leftovers(self, element: Element) -> Iterator[Fault]:
        """Yield warnings of markup without effect; a backslash before a sign marks it as intended."""
        if element.kind == "heading" and not element.children:
            hint = Message("It is left out.")
            yield self.warning(element.line, "#" * int(element.name), Message("the text of a heading"), hint)
        for line, found, rule in leftovers(element):
            written = self.written[line - self.source.body_line : line - self.source.body_line + 1]
            if not (rule.marker and f"\\{rule.marker}" in "".join(written)):
                yield self.warning(line, found, rule.expected, rule.hint)

    def _cells(self, table: Element) -> Iterator[Fault]:
        """Yield a fault for each row with more cells than the head: they would be shown nowhere."""
        rows = [row for part in table.children for row in part.children if row.kind == "tr"]
        most = len(rows[0].children)
        for row in rows[1:]:
            if int(row.name or 0) > most:
                found, expected = (
                    Message("a row with another number of cells ({number})"),
                    Message("as many as in the first row ({number})"),
                )
                hint = Message("For a bar within a cell write \\|")
                yield self.fault(row.line, found.format(number=row.name), expected.format(number=most), hint)

    def _fence(self, element: Element) -> Iterator[Fault]:
        """Find a fence that does not end, and words behind ```: one word names a language, more would be lost."""
        if not element.closed:
            hint = Message("All that follows is shown as code, with its signs.")
            yield self.warning(element.line, "```", Message("``` on a line of its own, where the code ends"), hint)
        if not element.name:
            return
        hint = Message("Nobody sees what stands behind ```: write it above.")
        lost = self.fault(element.line, element.name, Message("``` with nothing behind it"), hint)
        name = len(element.name.split()) == 1 and not self.placeholders.word.search(element.name)
        yield replace(lost, severity="warning") if name else lost

    def _in_code(self, element: Element) -> list[tuple[int, str]]:
        """Return the tags within a piece of code, which has no children: line and text of each."""
        if element.kind not in ("fence", "code_block", "code_inline"):
            return []
        return [(element.line, match[0]) for match in self.placeholders.word.finditer(element.text)]

    def _balance(self, tags: Iterable[tuple[int, str]]) -> Iterator[Fault]:
        """Check that tags open and close in the same paragraph, list, block, cell or code, else HTML would be torn."""
        stack: list[tuple[int, str]] = []
        alone: list[tuple[tuple[int, str], str]] = []
        for tag in tags:
            kind = self.placeholders.tag(tag[1]).kind
            if kind in ("if", "for"):
                stack.append(tag)
            elif kind in ("elif", "else") and not stack:
                alone.append((tag, "{% if … %}"))
            elif kind in ("endif", "endfor") and stack:
                stack.pop()
        alone += [(tag, f"{{% end{self.placeholders.tag(tag[1]).kind} %}}") for tag in stack]
        for (line, text), end in alone:
            expected = Message("{end} in the same paragraph, list or block, around whole bold words and whole links")
            hint = Message("Around whole paragraphs, put each tag on a line of its own.")
            yield self.fault(line, text, expected.format(end=end), hint)

    def _torn(self, line: int, value: str) -> Iterator[Fault]:
        depth = lowest = 0
        for match in self.placeholders.word.finditer(value):
            kind = self.placeholders.tag(match[0]).kind
            depth += (kind in ("if", "for")) - (kind in ("endif", "endfor"))
            lowest = min(lowest, depth)
        if depth or lowest:
            yield self.fault(
                line, value, Message("a condition that begins and ends within the address, or around the link")
            )

    def _block(self, element: Element) -> Iterator[Fault]:
        kind, opening = BLOCKS.get(element.name), f"::: {element.name}"
        if not element.closed:
            yield self.fault(element.line, opening, Message("::: on a line of its own, where the block ends"))
        if kind is None:
            expected = Message("one of {names}", names=", ".join(BLOCKS))
            yield self.fault(element.line, opening, expected, did_you_mean(element.name, BLOCKS))
            return
        if kind.argument == "url":
            yield from self._address(element.line, element.target, f"{opening} https://…")
        elif element.target:
            yield self.fault(element.line, f"{opening} {element.target}", opening)
        if not element.plain().strip():
            yield self.fault(element.line, opening, Message("text before the closing :::"))
        elif kind.content == "line" and not _is_line(element):
            yield self.fault(element.line, element.plain(), Message("one line of text"))

    def _link(self, element: Element) -> Iterator[Fault]:
        text = element.plain().strip()
        yield from self._torn(element.line, element.title)
        yield from self._address(element.line, element.target, Message("an address"))
        line = "".join(self.written[element.line - self.source.body_line : element.line - self.source.body_line + 1])
        if quoted := _QUOTED.search(line):
            yield self.warning(element.line, quoted[1], Message("an address without quotation marks"))
        if not text and not any(child.kind == "image" for child in element.children):
            yield self.fault(element.line, f"[]({element.target})", Message("a text for the link"))
        if _SAYS_NOTHING.fullmatch(text.lower().rstrip(".!:… »>")):
            hint = Message("People who listen to a letter hear its links one by one.")
            yield self.warning(element.line, f"“{text}”", Message("a link text that says where it leads"), hint)

    def _address(self, line: int, target: str, what: str) -> Iterator[Fault]:
        yield from self._torn(line, target)
        if not self.source.online and "links.online" in self.placeholders.show(target):
            yield self._no_online(line, target)
        written = addresses_in(target, self.placeholders)
        if target in ("", "#") or not written:
            yield self.fault(line, target or Message("nothing"), what, Message("Write https://… or mailto:…"))
            return
        found = dict.fromkeys(words for one in written for words in address_faults(one, self.placeholders))
        for weight, seen, expected, hint in found:
            tell = self.warning if weight == "warning" else self.fault
            yield tell(line, seen, expected, hint)

    def _no_online(self, line: int, found: str) -> Fault:
        return self.fault(line, found, Message("no link to read online, since the letter has online: none"))

    def _pictures(self, parent: Element) -> Iterator[Fault]:
        for element in parent.walk():
            if element.kind != "image":
                continue
            if not is_picture(parent):
                tagged = is_picture(replace(parent, children=[each for each in parent.children if _counts(each)]))
                hint = Message("Around whole paragraphs, put each tag on a line of its own.") if tagged else ""
                yield self.fault(element.line, _shown(element), Message("a picture in a paragraph of its own"), hint)
            yield from self._picture(element)

    def _picture(self, element: Element) -> Iterator[Fault]:
        name, line = element.target, element.line
        if not element.text.strip():
            hint = Message("Say what there is to see, for who cannot see it.")
            yield self.fault(line, _shown(element), Message("a description between [ and ]"), hint)
        yield from self._torn(line, element.text + element.title)
        beside = Message("a picture beside the letter")
        if self.placeholders.word.search(name):
            yield self.fault(line, name, Message("the same picture for everybody"))
        elif re.match(r"https://", name, re.IGNORECASE):
            hint = Message("A picture on another host cannot be kept, and may change or go.")
            yield self.warning(line, name, beside, hint)
        elif not is_beside(name) or name not in self.source.images:
            near = did_you_mean(name[:255], self.source.images)
            put = Message("Put the file into the folder of the letter.")
            yield self.fault(line, name or Message("nothing"), beside, near or put)
        else:
            try:
                picture(self.source.images[name])
            except ValueError as error:
                yield self.fault(line, name, Message("a PNG, JPEG, GIF or WebP picture"), str(error))
            else:
                if colours(self.source.images[name]) == 4:
                    hint = Message("Some mail programs do not show colours for print (CMYK): save it again in RGB.")
                    yield self.warning(line, name, Message("a picture in colours for screens"), hint)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint with the known word nearest to ``word``; empty if none is near."""
    near = similar.nearest(word, known)
    return Message("Did you mean {word}?", word=near[0]) if near else ""


def is_picture(paragraph: Element) -> bool:
    """Return whether a paragraph holds one picture, or a link around one, and nothing else."""
    inside = [child for child in paragraph.children if child.kind != "softbreak"]
    if len(inside) == 1 and inside[0].kind == "link":
        inside = inside[0].children
    return paragraph.kind == "paragraph" and len(inside) == 1 and inside[0].kind == "image"


def _counts(child: Element) -> bool:
    """Return whether an element of a paragraph is more than a tag or a blank."""
    return child.kind != "control" and not (child.kind == "text" and not child.text.strip())


def _is_line(block: Element) -> bool:
    inside = [child for child in block.children if child.kind != "control"]
    return (
        len(inside) == 1
        and inside[0].kind == "paragraph"
        and all(below.kind in _INLINE_ONLY for child in inside[0].children for below in child.walk())
    )


def _shown(image: Element) -> str:
    return f"![{image.text}]({image.target})"
