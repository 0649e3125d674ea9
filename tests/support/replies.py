"""The table of real replies (``tests/fixtures/replies``): what two readers judged, and how the rules read them.

``known``: the half by which the rules were written. ``aside``: the other half, scored once, and only then read too.
``fresh``: collected after that, and scored once as well. ``python -m tests.support.replies`` prints today's scores.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, cast

from mailer.outcome import Class, Stage, classify

FOLDER = Path(__file__).parents[1] / "fixtures" / "replies"
SETS = ("known", "aside", "fresh")
CLASSES = (
    *("later", "greylist", "speed", "full", "size", "content", "policy", "quota", "relay", "sender", "unclear"),
    "clear",
)
"""From the mildest to the one that strikes off: where the readers differ, the milder one counts."""


class Reply(NamedTuple):
    """One line: what it was judged, by whom, where it was said, and where it was found."""

    judged: str
    first: str
    second: str
    stage: str
    code: int
    text: str
    source: str

    def read(self) -> Class:
        """How the rules read it."""
        return classify(self.code, self.text, cast(Stage, self.stage))


def replies(name: str) -> list[Reply]:
    """The replies of a set."""
    rows = [line.split("\t") for line in (FOLDER / f"{name}.tsv").read_text("utf-8").splitlines()]
    return [Reply(row[0], row[1], row[2], row[3], int(row[4]), row[5], row[6]) for row in rows]


def group(found: Class) -> str:
    """The group of a class in the words of the readers, who had none for reputation and for unknown words."""
    if found.key == "protocol":
        return "relay"
    return "policy" if found.group in ("reputation", "unknown") else found.group


def score(name: str) -> tuple[int, int, int, int]:
    """How many there are; read as judged; struck off although not judged so; not about the mailbox though judged so."""
    rows = [(reply, reply.read()) for reply in replies(name)]
    right = sum(group(found) == reply.judged for reply, found in rows)
    struck = sum(found.group == "clear" and found.permanent and reply.judged != "clear" for reply, found in rows)
    missed = sum(found.group not in ("clear", "unclear") and reply.judged == "clear" for reply, found in rows)
    return len(rows), right, struck, missed


if __name__ == "__main__":
    for name in SETS:
        number, right, struck, missed = score(name)
        print(f"{name}: {right} of {number} as judged ({right / number:.1%}); wrongly struck {struck}; missed {missed}")
