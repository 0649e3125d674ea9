"""A link whose whole address a condition chooses: ``[text]({% if contact.site %}…{% else %}…{% endif %})``.

Promises: each arm is an address of its own, with the text before and behind the condition. It is checked and written
like any other. An arm without an address is the text without a link. A condition behind the host of an address is not
such a choice: it chooses a part. Raises nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from mailer.letter.compile.placeholders import Placeholders

_BEFORE = re.compile(r"\s*(?:(?:mailto|tel|sms):)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ConditionalAddress:
    """The words of ``if``, ``elif`` and ``else``, each with its address ("" for none), and the word of ``endif``."""

    arms: tuple[tuple[str, str], ...]
    end: str
    has_else: bool


def choice(target: str, placeholders: Placeholders) -> ConditionalAddress | None:
    """Return the addresses of a masked target, if a condition at its beginning chooses them; else ``None``."""
    before = _BEFORE.match(target)
    words = list(placeholders.word.finditer(target))
    if not before or not words or words[0].start() != before.end() or placeholders.tag(words[0][0]).kind != "if":
        return None
    depth, marks = 0, [words[0]]
    for word in words[1:]:
        kind = placeholders.tag(word[0]).kind
        if not depth and kind in ("elif", "else", "endif"):
            marks.append(word)
        if not depth and kind == "endif":
            break
        depth += (kind in ("if", "for")) - (kind in ("endif", "endfor"))
    else:
        return None  # not closed; the checks report it
    behind = target[marks[-1].end() :]
    arms = []
    for mark, following in pairwise(marks):
        own = target[mark.end() : following.start()].strip()
        arms.append((mark[0], f"{before[0]}{own}{behind}".strip() if own else ""))
    return ConditionalAddress(tuple(arms), marks[-1][0], placeholders.tag(marks[-2][0]).kind == "else")


def addresses_in(target: str, placeholders: Placeholders) -> list[str]:
    """Return each address that a masked target may be, once; the target itself where no condition chooses it."""
    chosen = choice(target, placeholders)
    if chosen is None:
        return [target]
    found = dict.fromkeys(one for _, arm in chosen.arms if arm for one in addresses_in(arm, placeholders))
    return list(found)
