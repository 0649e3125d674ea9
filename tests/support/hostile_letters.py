"""Letters that are written to take a machine down: each a campaign file, and what lies beside it.

Shared by the tests, which ask for a fault, and by ``python -m bench.hostile``, which says what each costs. The name of
a letter says what is tried; those in :data:`FINE` are large and right, and must compile.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

HEAD = {
    "slug": "hostile",
    "subject": "A letter",
    "preheader": "What it says",
    "from": "VNG <info@vng.nl>",
    "language": "nl",
    "topic": "news",
}
PARAGRAPH = "Geachte heer, mevrouw, dit is een *gewone* alinea met een [koppeling](https://example.org/a?b=c) erin.\n\n"
SLOT = '{{ contact.name | default("lezer") }}'


@dataclass(frozen=True, slots=True)
class Hostile:
    """A campaign file and the files beside it."""

    text: str = field(repr=False)
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)


def body(text: str, files: Mapping[str, bytes] | None = None, **head: str) -> Hostile:
    """A letter with this body; ``head`` adds keys or puts others in their place."""
    lines = "".join(f"{key}: {value}\n" for key, value in (HEAD | head).items() if value)
    return Hostile(f"---\n{lines}---\n{text}\n", files or {})


def png(width: int, height: int, size: int = 0) -> bytes:
    """The first bytes of a PNG that says it is so large."""
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", width, height) + b"\x08\x02\0\0\0" + bytes(size)


def gif(width: int, height: int) -> bytes:
    """The same for a GIF."""
    return b"GIF89a" + struct.pack("<HH", width, height) + bytes(20)


def jpeg(width: int, height: int) -> bytes:
    """The same for a JPEG."""
    return b"\xff\xd8\xff\xc0\x00\x11\x08" + struct.pack(">HH", height, width) + bytes(20)


def webp(width: int, height: int) -> bytes:
    """The same for a WebP of the extended kind."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + size + bytes(20)


def table(columns: int, rows: int, cell: str = "a") -> str:
    """A Markdown table."""
    return f"{'|'.join(['h'] * columns)}\n{'|'.join(['-'] * columns)}\n" + (f"{'|'.join([cell] * columns)}\n" * rows)


def deep_list(depth: int) -> str:
    """A list in a list in a list."""
    return "".join(f"{'  ' * level}- item\n" for level in range(depth))


def blocks(depth: int) -> str:
    """A block in a block in a block."""
    return (
        "".join(f"{':' * (depth - at + 3)} small\n" for at in range(depth))
        + "a\n"
        + "".join(f"{':' * (at + 4)}\n" for at in range(depth))
    )


def nested_ifs(depth: int) -> str:
    """A condition in a condition."""
    return "{% if contact.a %}\n\n" * depth + "a\n\n" + "{% endif %}\n\n" * depth


def brand(text: str) -> Hostile:
    """A good letter with this brand file."""
    return body(PARAGRAPH, {"brand.toml": text.encode(), "big.png": png(2**31, 2**31)}, brand="brand.toml")


URL = "https://example.org/" + "a" * 2000

TEXT: dict[str, Callable[[], Hostile]] = {
    "50 MB of words": lambda: body("woord " * 8_000_000),
    "900 kB of paragraphs": lambda: body(PARAGRAPH * 8_000),
    "190 kB of short paragraphs": lambda: body("woord *a* [b](https://a.nl)\n\n" * 6_500),
    "one line of 150 kB": lambda: body("woord " * 25_000),
    "one word of 150 kB": lambda: body("a" * 150_000),
    "one line of 150 kB of blanks": lambda: body("a" + " " * 150_000 + "b"),
    "900,000 empty lines": lambda: body("\n" * 900_000 + "a"),
    "150,000 empty lines": lambda: body("\n" * 150_000 + "a"),
    "300,000 lines of one letter": lambda: body("a\n" * 300_000),
    "100,000 paragraphs": lambda: body("a\n\n" * 100_000),
    "50,000 headings": lambda: body("## a\n" * 50_000),
    "50,000 lines across": lambda: body("a\n\n---\n\n" * 50_000),
    "150 kB of tabs": lambda: body("\t" * 150_000 + "a"),
    "100,000 hard breaks": lambda: body("a\\\n" * 100_000),
    "300,000 backslashes": lambda: body("\\" * 300_000),
}
INLINE: dict[str, Callable[[], Hostile]] = {
    "_a_*b* 20,000 times": lambda: body("_a_*b*" * 20_000),
    "*a 50,000 times": lambda: body("*a " * 50_000),
    "*a 50,000 times without blanks": lambda: body("*a" * 50_000),
    "a** 30,000 times": lambda: body("a**b" * 30_000),
    "*a_ 50,000 times": lambda: body("*a_ " * 50_000),
    "100,000 stars": lambda: body("*" * 100_000),
    "stars within stars": lambda: body("*a **b " * 4_000 + "c** d*" * 4_000),
    "stars of mixed lengths": lambda: body("a***b**c*d" * 10_000),
    "50,000 opening brackets": lambda: body("[" * 50_000),
    "50,000 pairs of brackets in one another": lambda: body("[" * 50_000 + "a" + "]" * 50_000),
    "20,000 links in one another": lambda: body("[a](" * 20_000),
    "20,000 opening pictures": lambda: body("![" * 20_000),
    "5,000 pictures in one another": lambda: body("![" * 5_000 + "a" + "](b.png)" * 5_000),
    "backticks of growing length": lambda: body(" ".join("`" * n for n in range(1, 600))),
    "100,000 backticks": lambda: body("`a" * 100_000),
    "100,000 less-than signs": lambda: body("<" * 100_000),
    "50,000 tags that do not end": lambda: body("<a " * 50_000),
    "50,000 attributes that do not end": lambda: body("<a b='" * 50_000),
    "50,000 comments that do not end": lambda: body("x <!--" * 50_000),
    "50,000 instructions that do not end": lambda: body("x <?" * 50_000),
    "50,000 declarations that do not end": lambda: body("x <!A " * 50_000),
    "20,000 CDATA that do not end": lambda: body("x <![CDATA[" * 20_000),
    "30,000 addresses in angle brackets": lambda: body("<https://example.org/a> " * 30_000),
    "300,000 ampersands": lambda: body("&" * 300_000),
    "50,000 entities": lambda: body("&amp;" * 50_000),
    "50,000 entities by number": lambda: body("&#x1F600;" * 50_000),
    "50,000 exclamation marks": lambda: body("!" * 50_000 + "[a"),
    "20,000 links with a title that does not end": lambda: body('[a](b "' * 20_000),
    "20,000 links with brackets in their address": lambda: body("[a](" + "(" * 20_000),
    "20,000 links": lambda: body("[koppeling](https://example.org/a) " * 20_000),
    "a link of 500,000 characters": lambda: body(f"[a](https://example.org/{'a' * 500_000})"),
    "2,000 links of 400 characters": lambda: body(f"[a](https://example.org/{'a' * 400})\n\n" * 2_000),
    "100,000 tildes": lambda: body("~~a" * 30_000),
}
REFERENCES: dict[str, Callable[[], Hostile]] = {
    "one reference used 5,000 times": lambda: body("[x][r] " * 5_000 + f"\n\n[r]: {URL}\n"),
    "one reference of 20,000 characters used 5,000 times": lambda: body(
        "[x][r] " * 5_000 + f"\n\n[r]: https://example.org/{'a' * 20_000}\n"
    ),
    "one reference with a long title used 2,000 times": lambda: body(
        "[x][r]\n\n" * 2_000 + f'[r]: https://a.nl "{"a" * 20_000}"\n'
    ),
    "one picture with a long title used 2,000 times": lambda: body(
        "![x][r]\n\n" * 2_000 + f'[r]: a.png "{"a" * 20_000}"\n', {"a.png": png(600, 400)}
    ),
    "20,000 references": lambda: body("".join(f"[r{n}]: https://example.org/{n}\n" for n in range(20_000)) + "\na\n"),
    "references in one paragraph that fail": lambda: body("[a]: b (c\n" * 20_000),
    "a reference with a name of 500,000 characters": lambda: body(f"[{'a' * 500_000}]: https://a.nl\n\na\n"),
    "references that need folding": lambda: body("[ẞ]: https://a.nl\n\n" + "[ẞ] " * 50_000),
}
NESTING: dict[str, Callable[[], Hostile]] = {
    "10,000 quotations in one another": lambda: body(">" * 10_000 + " a"),
    "500 quotations over 500 lines": lambda: body((">" * 500 + " a\n") * 500),
    "quotations that grow": lambda: body("".join(">" * n + " a\n" for n in range(1, 400))),
    "100 quotations": lambda: body("> " * 100 + "a"),
    "lists on one line": lambda: body("- " * 5_000 + "a"),
    "numbers on one line": lambda: body("1. " * 5_000 + "a"),
    "lists in lists": lambda: body(deep_list(500)),
    "lists in quotations in lists": lambda: body("> - " * 1_000 + "a"),
    "lists and lazy lines": lambda: body("- " * 200 + "a\n" + "b\n" * 5_000),
    "20,000 items": lambda: body("- a\n" * 20_000),
    "20,000 items, loose": lambda: body("- a\n\n" * 20_000),
    "20,000 lists": lambda: body("- a\n\n+ a\n\n" * 10_000),
    "a number with 10,000 digits": lambda: body("1" * 10_000 + ". a"),
    "blocks in blocks": lambda: body(blocks(300)),
    "2,000 blocks that do not end": lambda: body("::: small\na\n\n" * 2_000),
    "20,000 blocks that end": lambda: body("::: small\na\n:::\n\n" * 20_000),
    "20,000 fences that close nothing": lambda: body(":::\n" * 20_000),
    "a fence of 100,000 colons": lambda: body(":" * 100_000 + " small\na\n"),
    "20,000 lines of HTML": lambda: body("<div>\n" * 20_000),
    "20,000 HTML blocks": lambda: body("<div>\n\n" * 20_000),
    "20,000 code fences": lambda: body("```\na\n```\n" * 20_000),
    "20,000 headings under lines": lambda: body("a\n===\n" * 20_000),
}
TABLES: dict[str, Callable[[], Hostile]] = {
    "a table of 3,000 columns": lambda: body(table(3_000, 1)),
    "a table of 3,000 columns and 100 rows": lambda: body(table(3_000, 100)),
    "a table of 3,000 columns and 1,000 empty rows": lambda: body(table(3_000, 0) + "a\n" * 1_000),
    "a table of 100,000 columns": lambda: body(table(100_000, 1)),
    "a table of 20,000 rows": lambda: body(table(3, 20_000)),
    "5,000 tables": lambda: body((table(2, 1) + "\n") * 5_000),
    "a table of bars": lambda: body("|" * 50_000 + "\n" + "|-" * 10 + "\n"),
    "a table of escaped bars": lambda: body("a|" + "\\|" * 50_000 + "\n-|-\n" + "\\|" * 50_000),
    "lines that look like heads of tables": lambda: body("a|b\n" * 20_000),
}
TAGS: dict[str, Callable[[], Hostile]] = {
    "5,000 slots": lambda: body(f"{SLOT} " * 5_000),
    "20,000 slots, a paragraph each": lambda: body(f"{SLOT}\n\n" * 20_000),
    "100,000 opening braces": lambda: body("{{" * 100_000),
    "100,000 closing braces": lambda: body("}} " * 100_000),
    "100,000 comments that do not end": lambda: body("{# " * 100_000),
    "100,000 comments": lambda: body("{# a #}" * 100_000 + "a"),
    "a comment of 190 kB": lambda: body("{# " + "a" * 190_000 + " #} a"),
    "20,000 conditions": lambda: body("{% if contact.a %}a{% endif %} " * 20_000),
    "20,000 conditions on lines of their own": lambda: body("{% if contact.a %}\n\na\n\n{% endif %}\n\n" * 20_000),
    "20,000 conditions that do not end": lambda: body("{% if contact.a %}" * 20_000),
    "conditions in conditions": lambda: body(nested_ifs(100)),
    "9 conditions in one another, 3,000 times": lambda: body(nested_ifs(9) * 3_000),
    "20,000 elif": lambda: body("{% if contact.a %}a" + "{% elif contact.b %}b" * 20_000 + "{% endif %}"),
    "2,000 elif behind a long paragraph": lambda: body(
        "woord " * 10_000 + "{% if contact.a %}a" + "{% elif contact.b %}b" * 2_000 + "{% endif %}"
    ),
    "20,000 loops": lambda: body("{% for x in contact.l %}{{ x }}{% endfor %} " * 20_000),
    "a loop over 100 kB": lambda: body("{% for x in contact.l %}\n\n" + PARAGRAPH * 900 + "{% endfor %}\n\n"),
    "a loop with many slots": lambda: body("{% for x in contact.l %}" + "{{ x }} " * 500 + "{% endfor %}"),
    "900 loops over a reference": lambda: body("{% for x in contact.l %}[a][r]{% endfor %}\n\n" * 900 + f"[r]: {URL}"),
    "3,000 links with a slot": lambda: body(f"[a](https://a.nl/{SLOT}) " * 3_000),
    "slots in 3,000 titles": lambda: body(f'[a](https://a.nl "{SLOT}") ' * 3_000),
    "a tag in 20,000 pieces of code": lambda: body(f"`{SLOT}` " * 20_000),
    "an expression of 150 kB": lambda: body("{{ contact.a | default(" + '"a" ' * 37_000 + ") }}"),
    "an expression of many or": lambda: body("{% if " + "contact.a or " * 140 + "contact.b %}a{% endif %}\n" * 1),
    "500 expressions of many or": lambda: body(
        ("{% if " + "contact.a or " * 140 + "contact.b %}a{% endif %}\n\n") * 500
    ),
    "brackets in brackets": lambda: body("{% if " + "(" * 900 + "contact.a" + ")" * 900 + " %}a{% endif %}"),
    "filters behind filters": lambda: body("{{ contact.a" + " | upper" * 200 + ' | default("a") }}'),
    "filters that nest their fallback": lambda: body(
        "{{ contact.a | default(" * 1 + "(contact.b | default(" * 200 + '"a"' + "))" * 200 + ") }}"
    ),
    "a number of 1,000,000,000 places": lambda: body('{{ contact.a | number(1000000000) | default("a") }}'),
    "a number of many digits": lambda: body("{% if contact.a == " + "9" * 1_900 + " %}a{% endif %}"),
    "a pattern of many letters": lambda: body('{{ contact.a | date("' + "M" * 1_000 + '") | default("a") }}'),
    "a pattern of odd letters": lambda: body('{{ contact.a | date("' + "'" * 39 + '") | default("a") }}'),
    "a name of 1,900 letters": lambda: body("{{ contact." + "a" * 1_900 + ' | default("a") }}'),
    "10,000 unknown filters": lambda: body('{{ contact.a | defualt("a") }}\n' * 10_000),
    "50,000 quotation marks in a tag": lambda: body("{{ " + "'" * 50_000 + " }}"),
    "5,000 texts that do not end": lambda: body('{{ "a' * 5_000),
    "words like ours": lambda: body("xq " * 60_000),
}
PICTURES: dict[str, Callable[[], Hostile]] = {
    "one picture 10,000 times": lambda: body("![a](a.png)\n\n" * 10_000, {"a.png": png(600, 400)}),
    "5,000 pictures that are not there": lambda: body("".join(f"![a](p{n}.png)\n\n" for n in range(5_000))),
    "2,000 pictures beside other names": lambda: body(
        "".join(f"![a](picture-number-{n}x.png)\n\n" for n in range(2_000)),
        {f"picture-number-{n}y.png": png(1, 1) for n in range(500)},
    ),
    "a PNG of 2,147,483,647 pixels": lambda: body("![a](a.png)", {"a.png": png(2**31 - 1, 2**31 - 1)}),
    "a PNG of one by many": lambda: body("![a](a.png)", {"a.png": png(1, 2**31 - 1)}),
    "a GIF of 65,535 pixels": lambda: body("![a](a.gif)", {"a.gif": gif(65_535, 65_535)}),
    "a JPEG of 65,535 pixels": lambda: body("![a](a.jpg)", {"a.jpg": jpeg(65_535, 65_535)}),
    "a WebP of 16,777,216 pixels": lambda: body("![a](a.webp)", {"a.webp": webp(2**24, 2**24)}),
    "a JPEG of empty segments": lambda: body("![a](a.jpg)", {"a.jpg": b"\xff\xd8" + b"\xff\xe0\x00\x02" * 4_000_000}),
    "a picture that is no picture": lambda: body("![a](a.png)", {"a.png": b"<svg" + b"a" * 1_000_000}),
    "20 pictures of 15 MB": lambda: body(
        "".join(f"![a](p{n}.png)\n\n" for n in range(20)),
        {f"p{n}.png": png(600, 400, 15_000_000) for n in range(20)},
    ),
    "a description of 500,000 characters": lambda: body(f"![{'a ' * 250_000}](a.png)", {"a.png": png(6, 4)}),
    "a picture's name of 500,000 characters": lambda: body(f"![a]({'a' * 500_000}.png)"),
}
HEADS: dict[str, Callable[[], Hostile]] = {
    "a head of 50,000 lines": lambda: Hostile("---\n" + "subjct: a\n" * 50_000 + "---\na\n"),
    "a head of 50,000 keys": lambda: Hostile("---\n" + "".join(f"key{n}: a\n" for n in range(50_000)) + "---\na\n"),
    "a head that does not end": lambda: Hostile("---\n" + "subject: a\n" * 50_000),
    "a head of anchors": lambda: Hostile("---\na: &a [x,x]\n" + "b: &b [*a,*a]\n" * 30 + "---\na\n"),
    "no head at all": lambda: Hostile("a\n" * 500_000),
    "a key of 500 kB": lambda: Hostile("---\n" + "k" * 500_000 + ": a\n---\na\n"),
    "a subject of 500 kB": lambda: body("a", subject="a" * 500_000),
    "a subject of slots": lambda: body("a", subject="{{links.online}}" * 60),
    "a preheader of 500 kB": lambda: body("a", preheader="a " * 250_000),
    "a preheader of 20,000 slots": lambda: body("a", preheader=f"{SLOT} " * 20_000),
    "a slug of 500 kB": lambda: body("a", slug="A-" * 250_000),
    "a sender of 500 kB": lambda: body("a", **{"from": "a " * 250_000 + "<a@b.nl>"}),
    "a sender of blanks": lambda: body("a", **{"from": "a" + " " * 100_000 + "b"}),
    "a sender of angle brackets": lambda: body("a", **{"from": "<a" * 50_000}),
    "an answer address of 500 kB": lambda: body("a", reply_to="a" * 500_000 + "@b.nl"),
    "a language of 600 kB": lambda: body("a", language="nl" + "-aa" * 200_000),
    "a language of many parts": lambda: body("a", language="nl" + "-aa" * 300),
    "a topic of 500 kB": lambda: body("a", topic="a" * 500_000),
    "a zone of 100,000 letters": lambda: body("a", timezone="Europe/" + "a" * 100_000),
    "an hour of 500 kB": lambda: body("a", send_at="2" * 500_000, timezone="Europe/Amsterdam"),
    "a date of 500 kB": lambda: body("a", date="2" * 500_000),
    "a rate of 500 kB": lambda: body("a", rate="9" * 500_000),
    "a layout of 1 MB": lambda: body("a", layout="letter" * 150_000),
    "a brand of 500 kB": lambda: body("a", brand="a/" * 250_000),
    "a segment of 500 kB": lambda: body("a", segment="contact.a or " * 40_000 + "contact.b"),
}
BRANDS: dict[str, Callable[[], Hostile]] = {
    "a brand file of 20 MB": lambda: brand('name = "VNG"\n' + "# a\n" * 5_000_000),
    "a brand file of arrays in arrays": lambda: brand('name = "VNG"\nlogo = ' + "[" * 50_000),
    "a brand file of arrays in arrays, a line each": lambda: brand('name = "VNG"\nlogo = ' + "[\n" * 40_000),
    "a brand file of tables in tables": lambda: brand('name = "VNG"\nlogo = ' + "{a=" * 25_000),
    "a brand file with a long dotted key": lambda: brand('name = "VNG"\n' + "a." * 40_000 + "b = 1\n"),
    "a brand file of 5,000 keys": lambda: brand('name = "VNG"\n' + "".join(f"colour{n} = 1\n" for n in range(5_000))),
    "a brand file of 8,000 tables": lambda: brand('name = "VNG"\n' + "".join(f"[a{n}]\n" for n in range(8_000))),
    "a number of many digits in a brand file": lambda: brand(f'name = "VNG"\nlogo_width = {"9" * 90_000}\n'),
    "a sender block of 20,000 lines": lambda: brand('name = "VNG"\n[sender]\naddress = [' + '"a",' * 20_000 + "]\n"),
    "legal words of 90 kB": lambda: brand(f'name = "VNG"\n[words]\nlegal = "{"a " * 45_000}"\n'),
    "a name of 90 kB": lambda: brand(f'name = "{"a " * 45_000}"\n'),
    "a link of 90 kB": lambda: brand(f'name = "VNG"\n[links]\nwebsite = "https://a.nl/{"a" * 90_000}"\n'),
    "a colour of 90 kB": lambda: brand(f'name = "VNG"\n[colours]\naction = "#{"a" * 90_000}"\n'),
    "a logo of many pixels": lambda: brand('name = "VNG"\nlogo = "big.png"\n'),
}
KINDS = {
    "text": TEXT,
    "inline": INLINE,
    "references": REFERENCES,
    "nesting": NESTING,
    "tables": TABLES,
    "tags": TAGS,
    "pictures": PICTURES,
    "heads": HEADS,
    "brands": BRANDS,
}
FINE: dict[str, Callable[[], Hostile]] = {
    "the example, 80 times": lambda: body(example_body() * 80, {"gevels.png": png(600, 400)}),
    "190 kB of paragraphs": lambda: body(PARAGRAPH * 1_800),
    "a table of 40 columns and 100 rows": lambda: body(table(40, 100)),
    "1,500 items": lambda: body("- a\n" * 1_500),
    "100 pictures": lambda: body("![a](a.png)\n\n" * 100, {"a.png": png(4_000, 3_000)}),
    "1,500 slots": lambda: body(f"{SLOT}, \n\n" * 1_500),
    "lists and quotations, ten in one another": lambda: body(deep_list(10) + "\n" + "> " * 10 + "a"),
    "9 conditions in one another, 20 times": lambda: body(nested_ifs(9) * 20),
}
HARMLESS = frozenset(
    {"150 kB of tabs", "100,000 stars", "a number with 10,000 digits", "a comment of 190 kB"}
    | {"an expression of many or", "a name of 1,900 letters", "a subject of slots", "a language of many parts"}
)
"""Letters of :data:`KINDS` that cost nothing: they compile."""


def example_body() -> str:
    """The example with every block, without its head."""
    path = Path(__file__).parents[2] / "examples" / "alle-blokken.md"
    return path.read_text(encoding="utf-8").split("---\n", 2)[2]
