"""Commands, settings and routes of the program and of the docs, as sets that tests compare."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import typer

from mailer.settings import HouseSettings
from tools.draw_commands import leaves

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
_FENCE = re.compile(r"^(`{3,}).*?^\1`*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[(?:[^\]\\]|\\.)*\]\(([^)\s]+)\)|<img[^>]+src=\"([^\"]+)\"")


def pages() -> list[Path]:
    """Every page: the docs, the README, and what stands beside the code."""
    beside = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "changelog.d" / "README.md"]
    return [*sorted(DOCS.rglob("*.md")), *beside]


def without_code(page: Path) -> str:
    """The page's text without fenced code."""
    return _FENCE.sub("", page.read_text("utf-8"))


def links(page: Path) -> Iterator[str]:
    """Where the links and pictures of a page point."""
    text = re.sub(r"`[^`\n]*`", "", without_code(page))
    for match in _LINK.finditer(text):
        yield match[1] or match[2]


def anchors(page: Path) -> set[str]:
    """The anchors that headings make (as GitHub makes them)."""
    titles = re.findall(r"^#+ (.*)$", without_code(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", title)).strip().lower().replace(" ", "-") for title in titles}


def headings(page: Path, start: str) -> set[str]:
    """The headings of the third level that begin with ``start``."""
    return set(re.findall(rf"^### `?({re.escape(start)}[^`\n]*)`?$", page.read_text("utf-8"), re.MULTILINE))


def section(page: Path, heading: str, level: int = 3) -> str:
    """Return the text under a heading."""
    text = page.read_text("utf-8")
    marks = "#" * level
    match = re.search(
        rf"^{marks} `?{re.escape(heading)}`?$(.*?)(?=^#{{2,{level}}} |\Z)", text, re.MULTILINE | re.DOTALL
    )
    return match[1] if match else ""


def settings() -> set[str]:
    """Every ``POSTILJON_`` variable that some settings class reads."""
    import campaigns.settings.campaign  # noqa: F401 - their classes must exist to be found
    import mailer.settings  # noqa: F401
    import unsubscribe.settings  # noqa: F401

    kinds, todo = set(), [HouseSettings]
    while todo:
        kind = todo.pop()
        kinds.add(kind)
        todo += kind.__subclasses__()
    return {f"POSTILJON_{name.upper()}" for kind in kinds for name in kind.model_fields}


def commands() -> set[str]:
    """Every command, as it is typed."""
    from campaigns.cli.main import app

    return {name for name, _ in leaves(typer.main.get_command(app), "postiljon")}


def make_targets() -> set[str]:
    """Return the targets of the Makefile."""
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
