"""Elements one below the other: the text before the first, and before each other, whatever conditions leave out.

Promises: a shown element has ``first`` before it if nothing is shown above it, else ``then``. So no reader gets an
empty line, mark or break for a hidden element, and each letter still only fills a template. Each tag of the author is
written once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mailer.letter.compile.placeholders import Placeholders
from mailer.letter.compile.presence import ConditionalGroup, Presence, any_of, groups, of_group, of_run, when
from mailer.letter.compile.tree import Element
from mailer.letter.slots import Tag


@dataclass(frozen=True, slots=True)
class Flow:
    """Writes children with ``write(child, lead)``; ``then`` gives the text before a child that is not the first."""

    placeholders: Placeholders
    write: Callable[[Element, str], str]
    first: str
    then: Callable[[Element], str]

    def text(self, children: Sequence[Element]) -> str:
        """Return the children, one below the other."""
        return self._run(children, ())

    def _run(self, children: Sequence[Element], above: Presence) -> str:
        text = ""
        for group in groups(children, self.placeholders):
            text += self._group(group, above)
            above = any_of((above, of_group(group, self.placeholders)))
        return text

    def _group(self, group: ConditionalGroup, above: Presence) -> str:
        if not group.tags:
            child = group.arms[0][0]
            shown = of_group(group, self.placeholders)
            return self.write(child, self._lead(child, above) if shown != () else "")
        if self.placeholders.tag(group.tags[0].text).kind == "for":
            return self._loop(group, above)
        return "".join(tag.text + self._run(arm, above) for tag, arm in zip(group.tags, group.arms, strict=True))

    def _loop(self, group: ConditionalGroup, above: Presence) -> str:
        """Return a loop; the template puts in the text between its rounds."""
        (loop, *ends), (body, *_) = group.tags, group.arms
        end = "".join(tag.text for tag in ends)
        if above is None or not body or of_run(body, self.placeholders) == ():
            return loop.text + self._run(body, above) + end
        between = self.placeholders.put(Tag("between", "", "", 0, 0, "")) + self.then(body[0])
        inside = Flow(self.placeholders, self.write, "", self.then)._run(body, ())
        source = self.placeholders.tag(loop.text).source
        return when((source,), self._lead(body[0], above), "", self.placeholders) + loop.text + inside + between + end

    def _lead(self, child: Element, above: Presence) -> str:
        return when(above, self.then(child), self.first, self.placeholders)
