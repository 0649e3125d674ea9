"""A link whose whole address a condition chooses: ``[text]({% if contact.site %}…{% else %}…{% endif %})``.

Promises: each arm is an address of its own, with all that stands before and behind the condition, so that it is checked
and written like any other; an arm without an address is the text without a link. A condition within an address, behind
its host, is none of this: it chooses a part. Raises nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from mailer.letter.compile.mask import Placeholders

_BEFORE = re.compile(r"\s*(?:(?:mailto|tel|sms):)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ConditionalAddress:
    """The words of ``if``, ``elif`` and ``else`` with the address behind each, "" for none; and that of ``endif``."""

    arms: tuple[tuple[str, str], ...]
    end: str
    has_else: bool


def choice(target: str, masker: Placeholders) -> ConditionalAddress | None:
    """Return the addresses that a masked one is, if a condition that begins it chooses them; else ``None``."""
    before = _BEFORE.match(target)
    words = list(masker.word.finditer(target))
    if not before or not words or words[0].start() != before.end() or masker.tag(words[0][0]).kind != "if":
        return None
    depth, marks = 0, [words[0]]
    for word in words[1:]:
        kind = masker.tag(word[0]).kind
        if not depth and kind in ("elif", "else", "endif"):
            marks.append(word)
        if not depth and kind == "endif":
            break
        depth += (kind in ("if", "for")) - (kind in ("endif", "endfor"))
    else:
        return None  # not closed; told by the checks
    behind = target[marks[-1].end() :]
    arms = []
    for mark, following in pairwise(marks):
        own = target[mark.end() : following.start()].strip()
        arms.append((mark[0], f"{before[0]}{own}{behind}".strip() if own else ""))
    return ConditionalAddress(tuple(arms), marks[-1][0], masker.tag(marks[-2][0]).kind == "else")


def addresses_in(target: str, masker: Placeholders) -> list[str]:
    """Each address that a masked one may be, once; itself where no condition chooses it."""
    chosen = choice(target, masker)
    if chosen is None:
        return [target]
    found = dict.fromkeys(one for _, arm in chosen.arms if arm for one in addresses_in(arm, masker))
    return list(found)
