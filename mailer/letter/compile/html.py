"""A letter's body as HTML for mail: plain elements, and blocks laid out by ``templates/layouts/blocks``.

Promises: every text is escaped; the author's text becomes markup only through the tree. Words of tags stand where their
values will. Styles are classes here and are put inline later, once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from itertools import zip_longest
from typing import Any

from mailer.letter.compile.checks import is_picture
from mailer.letter.compile.flow import Flow
from mailer.letter.compile.placeholders import Placeholders
from mailer.letter.compile.shape import jumps
from mailer.letter.compile.tree import Element
from mailer.letter.picture import Picture
from templates import render_layout, safe

_PHONE, _SIGN, _BESIDE = 316, 7.0, 8  # pixels on a phone: the column, a character in a table, room beside a cell
_WHOLE = ' style="word-break: normal; overflow-wrap: break-word"'
_FILLED = "&nbsp;"  # libxml2 leaves out the end tag of an empty item or cell
_PLAIN_TAGS = {"strong": "strong", "em": "em", "blockquote": "blockquote", "bullet_list": "ul", "list_item": "li"}


@dataclass(frozen=True, slots=True)
class HtmlWriter:
    """Writes one tree; ``context`` is passed to layouts (language, colours), ``pictures`` are by the author's name."""

    placeholders: Placeholders
    context: Mapping[str, Any]
    pictures: Mapping[str, Picture]
    public_url: str
    column: int = 560

    def write(self, element: Element) -> str:
        """Return the HTML of an element and all below it."""
        match element.kind:
            case "text":
                return escape(element.text, quote=False)
            case "slot" | "control":
                return element.text
            case "root":
                return self.flow(element)
            case "paragraph":
                return self._paragraph(element)
            case "heading":
                level = min(max(int(element.name), 2), 4)
                return f"<h{level}>{self.inside(element)}</h{level}>\n" if element.children else ""
            case "link":
                return self._link(element)
            case "block":
                return self._block(element)
            case "softbreak":
                return "\n"
            case "hardbreak":
                return "<br>\n"
            case "hr":
                return self.look("divider", {})
            case kind if kind in _PLAIN_TAGS:
                tag = _PLAIN_TAGS[kind]
                inside = self.flow(element) or ("" if kind == "blockquote" else _FILLED)
                end = "" if kind in ("strong", "em") else "\n"
                return f"<{tag}>{inside}</{tag}>{end}" if inside else ""
            case _:
                return self._rare(element)

    def inside(self, element: Element) -> str:
        """Return the HTML inside an element, one child after the other."""
        return "".join(self.write(child) for child in element.children)

    def flow(self, element: Element) -> str:
        """Return the same; a list's item with one paragraph is tight, and gets no ``<p>``."""
        if element.kind == "list_item" and sum(child.kind == "paragraph" for child in element.children) == 1:
            return "".join(
                self.inside(child) if child.kind == "paragraph" and not is_picture(child) else self.write(child)
                for child in element.children
            )
        return self.inside(element)

    def look(self, name: str, values: Mapping[str, Any]) -> str:
        """Return a block, rendered by its layout."""
        return render_layout(f"blocks/{name}.html", {**self.context, **values})

    def _paragraph(self, element: Element) -> str:
        if is_picture(element):
            return self._picture(element)
        inside = self.inside(element)
        return f"<p>{inside}</p>\n" if inside.strip() else ""

    def _link(self, element: Element) -> str:
        title = f' title="{escape(element.title)}"' if element.title else ""
        return f'<a href="{escape(element.target)}"{title}>{self.inside(element)}</a>'

    def _picture(self, paragraph: Element) -> str:
        link = next((child for child in paragraph.children if child.kind == "link"), None)
        image = next(child for child in paragraph.walk() if child.kind == "image")
        known = self.pictures.get(image.target)
        width, height = known.shown(self.column) if known else (self.column, 0)
        values = {
            "url": f"{self.public_url}/m/{known.image.file_name}" if known else image.target,
            "width": width,
            "height": height,
            "alt": image.text,
            "caption": image.title,
            "target": link.target if link else "",
        }
        return self.look("image", values)

    def _block(self, element: Element) -> str:
        if element.name == "button":
            label = "".join(self.inside(child) for child in element.children)
            label = re.sub(r"</?p>\s*", "", label).strip()
            return self.look("button", {"target": element.target, "label": safe(label)})
        lines = element.name == "signature"
        return self.look(element.name, {"content": safe(self._lines(element) if lines else self.inside(element))})

    def _lines(self, element: Element) -> str:
        """Return the content of a signature: each line of the source stays a line, also under a condition."""
        for below in element.walk():
            below.kind = "hardbreak" if below.kind == "softbreak" else below.kind
        if any(child.kind not in ("paragraph", "control") or is_picture(child) for child in element.children):
            return self.inside(element)

        def line(child: Element, lead: str) -> str:
            return lead + self.inside(child)

        def then(child: Element) -> str:
            return "<br>\n" if child.close else "</p>\n<p>"

        return f"<p>{Flow(self.placeholders, line, '', then).text(element.children)}</p>\n"

    def _numbered(self, element: Element) -> str:
        """Return a numbered list: numbers that its author skipped are skipped, and mail programs count the rest."""
        start = f' start="{element.name}"' if element.name != "1" else ""
        values = jumps(element, self.placeholders)
        inside = ""
        for child in element.children:
            text = self.write(child)
            inside += text.replace("<li>", f'<li value="{values[id(child)]}">', 1) if id(child) in values else text
        return f"<ol{start}>{inside}</ol>\n"

    def _whole(self, table: Element) -> str:
        """Return the style against cutting words, for a table whose words fit on a phone side by side; else ""."""
        rows = [row.children for part in table.children for row in part.children]
        columns = zip_longest(*([_longest_word(cell) for cell in row] for row in rows), fillvalue=0)
        return _WHOLE if sum(_SIGN * max(column) + _BESIDE for column in columns) <= _PHONE else ""

    def _rare(self, element: Element) -> str:
        match element.kind:
            case "ordered_list":
                return self._numbered(element)
            case "code_inline":
                return f"<code>{escape(element.text, quote=False)}</code>"
            case "fence":
                return f"<pre>{escape(element.text, quote=False)}</pre>\n"
            case "table":
                return f'<table class="data"{self._whole(element)}>{self.inside(element)}</table>\n'
            case "thead" | "tbody" | "tr":
                return f"<{element.kind}>{self.inside(element)}</{element.kind}>"
            case "th" | "td":
                scope = ' scope="col"' if element.kind == "th" else ""
                align = element.name or self.context["start"]
                return f'<{element.kind}{scope} align="{align}">{self.inside(element) or _FILLED}</{element.kind}>'
            case _:  # comments of the author; everything else was reported as a fault
                return ""


def _longest_word(cell: Element) -> int:
    return max((len(word) for word in re.split(r"[ \n]+", cell.plain())), default=0)
