# ruff: noqa: E501 - pieces of letters are read in rows
"""Letters of every construct, in which each word occurs once, so that a lost one is known: for Hypothesis.

:func:`letters` gives the body of a letter and its words, each with the number of its line (from 0). Words in comments
are not among them. Lines are put into quotations, lists and conditions at random, with any indentation.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[object]], object]
BASES = ("woord", "Café", "שלום", "слово", "straße", "漢字", "x", "NAAM")
SIGNS = (
    "**", "*", "_", "`", "~~", "[", "](", "](https://x.nl/a b)", ")", "![", "|", "||", "<", ">", "&", "&amp;", "&eacute;", "&nbsp;",
    "\\", "\\*", "  ", "\t", "\u00a0", "#", "##", "- ", "* ", "+ ", "> ", "1. ", "7) ", "2026. ", "---", "--", "===", ":::", ":::: small",
    "::: onbekend", "::", "```", "~~~", "<!--", "-->", "<!-- weg -->", "</div>", "<b>", "<br>", '<b title="', "<script>", "<?php", "<![CDATA[",
    "{{", "{# weg #}", "{% if contact.a %}", "{% endif %}", "{% else %}", "{% for i in contact.l %}", "{% endfor %}", "[^1]", "[^1]: ", "[a]: ", "[a]: https://x.nl/a",
    "[a][b]", "[x] ", ": ", "*[A]: ", "$x$", "\\\\", "\\\n", "  \n", "\n", "\n\n", "😀", "\u200f", "'", '"',
)  # fmt: skip


@dataclass(slots=True)
class Author:
    """Writes; every word is new."""

    draw: Draw
    count: int = 0
    labels: list[str] = field(default_factory=list)

    def pick(self, *options: object) -> object:
        """One of them."""
        return self.draw(st.sampled_from(options))

    def number(self, most: int, least: int = 0) -> int:
        """A number."""
        return int(str(self.draw(st.integers(least, most))))

    def word(self) -> str:
        """A word that was not used yet; none is part of another."""
        self.count += 1
        return f"{self.pick(*BASES)}{self.count}q"

    def words(self, most: int = 3) -> str:
        """A few."""
        return " ".join(self.word() for _ in range(self.number(most, 1)))

    def inline(self) -> str:
        """A piece of a paragraph."""
        word, other = self.words(), self.words()
        return str(
            self.pick(
                word,
                f"**{word}**",
                f"*{word}*",
                f"__{word}__",
                f"`{word}`",
                f"**{word}**{other}",
                f"~~{word}~~",
                f"{word}\\*{other}",
                f"[{word}](https://x.nl/{other.split()[0]})",
                f'[{word}](https://x.nl "{other}")',
                f"<https://x.nl/{self.count}>",
                f"[**{word}** {other}](mailto:a@x.nl)",
                f"[{word}][r{self.count}]",
                f"{word}  \n{other}",
                f"{word}\\\n{other}",
                f"{word}\n{other}",
                f"{word} &amp; {other}",
                f"{word}&eacute;{other}",
                f"{word} <!-- weg --> {other}",
                f'{{{{ contact.a | default("{word}") }}}} {other}',
                f"{{% if contact.a %}}{word}{{% else %}}{other}{{% endif %}}",
                f"{{% for i in contact.l %}}{word} {{{{ i }}}}{{% endfor %}}",
                f"{word}\u00a0{other}",
                f"{word}\t{other}",
                f"{word} < {other}",
                f"{word} [{other}]",
                f"[^1] {word}",
                f"{word} a*b*c {other}",
                f"[x] {word}",
                f"${word}$",
                f"{{{word}}}",
                f"#{word}",
                f"{word}_{other}",
                f"{word}|{other}",
            )
        )

    def text(self) -> list[str]:
        """A paragraph."""
        return " ".join(self.inline() for _ in range(self.number(3, 1))).split("\n")

    def block(self, depth: int) -> list[str]:
        """Lines of one construct, perhaps with others in it."""
        makers = [
            self.text,
            self.heading,
            self.table,
            self.fence,
            self.picture,
            self.rule,
            self.definition,
            self.comment,
        ]
        if depth:
            around = [
                self.bullets,
                self.numbered,
                self.quotation,
                self.colons,
                self.condition,
                self.loop,
                self.indented,
            ]
            makers += [lambda maker=maker: maker(depth - 1) for maker in around]  # type: ignore[misc]
        return list(makers[self.number(len(makers) - 1)]())

    def blocks(self, depth: int) -> list[str]:
        """Some, with or without empty lines between them."""
        lines: list[str] = []
        for _ in range(self.number(3, 1)):
            lines += [*self.block(depth), *([""] if self.number(3) else [])]
        return lines

    def heading(self) -> list[str]:
        """A heading of any kind."""
        line = str(self.pick("##", "###", "######", "##  ", "#")) + str(self.pick(" ", "", "\t")) + self.words()
        return [str(self.pick(line, line + " ##", "##", self.words() + "\n---", self.words() + "\n===")), ""]

    def table(self) -> list[str]:
        """A table; rows may be short, long, or under a condition."""
        columns = self.number(3, 1)
        lines = ["| " + " | ".join(self.words(1) for _ in range(columns)) + " |"]
        lines.append("|" + "|".join(str(self.pick("---", ":-:", "--:", ":--")) for _ in range(columns)) + "|")
        for _ in range(self.number(3)):
            cells = columns if self.number(4) else self.number(columns + 1, 1)
            row = "| " + " | ".join(self.inline().replace("\n", " ") for _ in range(cells)) + " |"
            tag = self.number(5)
            if tag == 0:
                lines += ["{% if contact.a %}", row, "{% endif %}"]
            elif tag == 1:
                lines.append("{% for i in contact.l %}" + row + "{% endfor %}")
            else:
                lines.append(row)
        return lines

    def fence(self) -> list[str]:
        """Code."""
        fence = str(self.pick("```", "~~~"))
        return [
            f"{fence}{self.pick('', '', '', 'python', self.word(), f' {self.word()} {self.word()}')}",
            self.words(),
            fence,
        ]

    def picture(self) -> list[str]:
        """A picture, with a caption or a link."""
        alt, title = self.words(), self.words()
        return [
            str(
                self.pick(
                    f"![{alt}](gevels.png)", f'![{alt}](gevels.png "{title}")', f"[![{alt}](gevels.png)](https://x.nl)"
                )
            ),
            "",
        ]

    def rule(self) -> list[str]:
        """A thin line, or what looks like one."""
        return [str(self.pick("---", "***", "- - -", "--", "===", "-"))]

    def definition(self) -> list[str]:
        """A definition that is used, or not."""
        label = str(self.pick(f"r{self.number(self.count + 1)}", self.word()))
        return [f"[{label}]: {self.pick('https://x.nl/' + self.word(), self.word(), 'https://x.nl')}", ""]

    def comment(self) -> list[str]:
        """A comment, with text around it or not."""
        return str(
            self.pick(
                "<!-- weg -->",
                "<!-- weg\n\nweg -->",
                f"<!-- weg --> {self.words()} <!-- weg -->",
                f"<!-- weg\n\nweg --> {self.words()}",
            )
        ).split("\n")

    def bullets(self, depth: int) -> list[str]:
        """A list; an item may be under a condition."""
        return self.items(depth, lambda _: str(self.pick("- ", "- ", "* ")))

    def numbered(self, depth: int) -> list[str]:
        """A numbered list, whose numbers may skip."""
        start, step = self.number(30), self.number(2)
        return self.items(depth, lambda index: f"{start + step * index}. ")

    def items(self, depth: int, mark: Callable[[int], str]) -> list[str]:
        """Items with what is in them."""
        lines: list[str] = []
        for index in range(self.number(3, 1)):
            first = mark(index)
            inside = self.blocks(depth) if not self.number(2) else self.text()
            item = [(first if not number else " " * len(first)) + line for number, line in enumerate(inside)]
            tagged = self.number(5)
            lines += ["{% if contact.a %}", *item, "{% endif %}"] if tagged == 0 else item
        return lines

    def quotation(self, depth: int) -> list[str]:
        """A quotation."""
        return [f"> {line}" for line in self.blocks(depth)]

    def colons(self, depth: int) -> list[str]:
        """A block, perhaps not closed."""
        name = str(self.pick("small", "signature", f"button https://x.nl/{self.word()}", "small", "signature"))
        fence = ":" * (3 + depth)
        inside = [self.words()] if name.startswith("button") else self.blocks(depth)
        return [f"{fence} {name}", *inside, *([fence] if self.number(15) else [])]

    def condition(self, depth: int) -> list[str]:
        """A condition around blocks."""
        otherwise = self.number(2)
        middle = [[], ["{% else %}", *self.blocks(depth)], ["{% elif contact.b %}", *self.blocks(depth)]][otherwise]
        return ["{% if contact.a %}", *self.blocks(depth), *middle, "{% endif %}"]

    def loop(self, depth: int) -> list[str]:
        """A loop around blocks; without another in it, as none may be."""
        inside = [line for line in self.blocks(depth) if "{%" not in line]
        return ["{% for i in contact.l %}", *inside, "{% endfor %}"]

    def indented(self, depth: int) -> list[str]:
        """Lines further to the right."""
        return [" " * self.number(6) + line for line in self.blocks(depth)]


@st.composite
def letters(draw: Draw, broken: int = 2) -> str:
    """The body of a letter; up to ``broken`` stray signs are put in anywhere."""
    author = Author(draw)
    body = "\n".join(author.blocks(3))
    for _ in range(author.number(broken)):
        at = author.number(len(body))
        body = body[:at] + str(author.pick(*SIGNS)) + body[at:]
    return body.replace("\n", "\r\n") if not author.number(9) else body


def words_of(body: str) -> dict[str, int]:
    """The words of :class:`Author` in a body, each with its line; those in comments and in tags left out."""
    shown = re.sub(
        r"<!--.*?-->|\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}", lambda gone: "\n" * gone[0].count("\n"), body, flags=re.DOTALL
    )
    found = re.finditer(rf"(?:{'|'.join(BASES)})\d+q", shown)
    return {match[0]: shown.count("\n", 0, match.start()) for match in found}
