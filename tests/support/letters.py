"""Letters for tests: the examples as sources, and what a reader's program would show of HTML."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from mailer.letter.brand import Brand, brand_from_toml
from mailer.letter.compile import LetterSource

EXAMPLES = Path(__file__).parents[2] / "examples"
PUBLIC = "https://post.example.org"
LINKS = {
    "online": f"{PUBLIC}/o/Zm9vYmFyYmF6",
    "details": f"{PUBLIC}/d/{'d' * 36}",
    "optout": f"{PUBLIC}/u/{'u' * 36}",
}
READER: dict[str, Any] = {"contact": {"email": "esther@example.org", "first_name": "Esther"}, "links": LINKS}


def pictures() -> dict[str, bytes]:
    """The pictures beside the examples."""
    return {path.name: path.read_bytes() for path in EXAMPLES.glob("*.png")}


def vng() -> Brand:
    """The brand of the examples."""
    return brand_from_toml((EXAMPLES / "vng.toml").read_text(encoding="utf-8"), "vng.toml", pictures())


def example(name: str, **changes: Any) -> LetterSource:
    """The example ``NAME.md`` as a source. Its head is read here in the simplest way."""
    lines = (EXAMPLES / f"{name}.md").read_text(encoding="utf-8").split("\n")
    end = lines.index("---", 1)
    head = dict(line.split(": ", 1) for line in lines[1:end])
    source = LetterSource(
        file=f"{name}.md",
        slug=head["slug"],
        subject=head["subject"],
        preheader=head["preheader"],
        from_name="VNG",
        from_address="info@vng.nl",
        language=head["language"],
        layout=head["layout"],  # type: ignore[arg-type]
        date=date.fromisoformat(head["date"]),
        body="\n".join(lines[end + 1 :]),
        body_line=end + 2,
        brand=vng(),
        images=pictures(),
        public_url=PUBLIC,
        online_url=LINKS["online"],
        topic_name="Verenigingsnieuws",
        list_id="verenigingsnieuws.vng.nl",
        lines={key: number for number, key in enumerate(head, start=2)},
    )
    return replace(source, **changes)


def small(body: str, **changes: Any) -> LetterSource:
    """A letter with this body, its first line being line 10 of ``letter.md``."""
    return example("denkt-u-mee", file="letter.md", body=body, body_line=10, **changes)


class _Shown(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.hidden, self.links, self.tags = "", 0, [], []  # type: ignore[var-annotated]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("style", "title"):
            self.hidden += 1
        if tag == "a":
            self.links.append(dict(attrs).get("href"))
        if tag in ("p", "br", "div", "td", "li", "h1", "h2"):
            self.text += "\n"

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "title"):
            self.hidden -= 1

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.text += data


def seen(html: str) -> _Shown:
    """``.text``, ``.links`` and ``.tags`` of finished HTML, read by a parser that is not ours."""
    shown = _Shown()
    shown.feed(html)
    shown.text = re.sub(r"[ \t\u00a0\u034f\u200c]*\n\s*", "\n", re.sub(r"(?<!\n)\n(?=[a-z])", " ", shown.text))
    return shown
