"""Limits on the size of a letter, and the fault of a larger letter: the excess, the limit, the line.

Promises: each limit is far above the length that a reader gets through (ten times the longest example). It is checked
before the work that it bounds is done. A letter within all of them compiles in about a second and in some 100 MiB,
whatever it contains. The limits are numbers of things, so the same letter is right or wrong on each machine.
:class:`TimeLimit` is the last resort, for unforeseen cases. Pure: the clock is a function that the caller gives.

Raises :class:`TooMuch`, which knows a line of the text; :mod:`.pipeline` makes a fault of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from mailer.errors import Fault
from mailer.letter.slots import Scan, Tag
from mailer.letter.source import LetterSource
from mailer.messages import Message

TEXT = 200_000  # characters of a body
LINES = 10_000
HEAD = 1_000  # characters of a subject or preheader
PARAGRAPH = 20_000  # characters of a paragraph, heading or cell
SIGNS = 2_000  # of each of those below in a paragraph: markdown-it searches the closing one of each
_SIGNS = "*_`[<&\\"
NESTING = 10  # nested lists, quotations and blocks
MARKS = 10  # nested bold, italic and links
COLUMNS = 50
BLOCKS = 5_000  # paragraphs, items, cells, …
PIECES = 20_000  # of paragraphs: stretches of text, bold, links, pictures, slots, ends of lines
TAGS = 2_000
ITEMS = 100  # of a loop, as slots.MAX_ITEMS says
FILLED = 20_000  # slots that are filled for one contact, loops at their longest
RESULT = 500_000  # characters of texts and addresses, each as often as it is used
LOOPED = 2_000_000  # the same, loops at their longest
PICTURES = 200
PICTURE_BYTES = 40_000_000
SECONDS = 10.0  # of a processor
_DEPTHS = 100, 2 * NESTING + 2  # of blocks, and of a paragraph: markdown-it leaves out deeper parts
_LOOK = 100
_CONTAINERS = ("list_item_open", "blockquote_open", "block_open")

_CHARACTERS, _AT_MOST = Message("{number} characters"), Message("{number} characters at most")
_OF_THEM = Message("{number} of them at most")
_LONG_LOOPS = Message("a loop that may give {number} characters")
_SHORTER = Message("Make it shorter, or put parts of it on a page and link to that.")


class TooMuch(Exception):
    """More than a letter may have; ``line`` counts from 0 within the body, ``at`` is a line of the file, if known."""

    def __init__(self, line: int, found: str, expected: str, hint: str = "", at: int = 0) -> None:
        super().__init__(found)
        self.line, self.found, self.expected, self.hint, self.at = line, found, expected, hint, at


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """The time that a letter may take: ``clock`` gives the seconds spent (best of a processor), from any start."""

    clock: Callable[[], float] = lambda: 0.0
    until: float = SECONDS

    @classmethod
    def of(cls, clock: Callable[[], float]) -> TimeLimit:
        """Return a time limit that begins now."""
        return cls(clock, clock() + SECONDS)

    def look(self, line: int = 0) -> None:
        """Raise ``TooMuch`` when the time is over."""
        if self.clock() > self.until:
            expected = Message("{number} seconds at most", number=f"{SECONDS:g}")
            raise TooMuch(line, Message("a letter that takes too long to make"), expected, _SHORTER)


def sizes(source: LetterSource) -> Iterator[Fault]:
    """Yield the faults of lengths, before anything is parsed."""
    where = Fault(source.file, 0, "", "", "")
    for key in ("subject", "preheader"):
        if (length := len(getattr(source, key))) > HEAD:
            found, expected = _CHARACTERS.format(number=length), _AT_MOST.format(number=HEAD)
            yield replace(where, line=source.line_of(key), field=key, found=found, expected=expected)
    body, lines = source.body, source.body.count("\n")
    where = replace(where, field="body", hint=_SHORTER)
    if len(body) > TEXT:
        at = source.body_line + body.count("\n", 0, TEXT)
        found, expected = _CHARACTERS.format(number=len(body)), _AT_MOST.format(number=TEXT)
        yield replace(where, line=at, found=found, expected=expected)
    elif lines > LINES:
        found, expected = (
            Message("{number} lines", number=lines),
            Message("{number} lines at most", number=LINES),
        )
        yield replace(where, line=source.body_line + LINES, found=found, expected=expected)


def tags(scan: Scan) -> None:
    """Check how many contact tags there are, and how often they are filled. Raises ``TooMuch``."""
    filled, step = 0, 1
    for number, tag in enumerate(scan.tags, start=1):
        step = {"for": ITEMS, "endfor": 1}.get(tag.kind, step)
        filled += step * (tag.kind == "slot")
        if number > TAGS:
            raise TooMuch(0, Message("too many contact tags"), _OF_THEM.format(number=TAGS), at=tag.line)
        if filled > FILLED:
            expected = Message("{number} values at most, a loop counted as {items} times")
            found = Message("too many contact tags within a loop")
            raise TooMuch(0, found, expected.format(number=FILLED, items=ITEMS), at=tag.line)


def add_limits(markdown: MarkdownIt, time_limit: TimeLimit) -> None:
    """Let ``markdown`` raise ``TooMuch`` as soon as a limit is exceeded."""

    def bounded(state: StateCore) -> None:
        state.md.options["maxNesting"] = _DEPTHS[0]
        state.tokens = _Bounded(time_limit)

    def inline(state: StateCore) -> None:
        state.md.options["maxNesting"] = _DEPTHS[1]
        pieces = 0
        for token in state.tokens:
            if token.type == "inline":
                line = token.map[0] if token.map else 0
                time_limit.look(line)
                _paragraph(token.content, line)
                token.children = state.md.inline.parse(token.content, state.md, state.env, [])
                pieces += len(token.children)
                if pieces > PIECES:
                    found = Message("too many pieces of text, links, bold words and ends of lines")
                    raise TooMuch(line, found, _OF_THEM.format(number=PIECES), _SHORTER)
                _nested(token.children, line)

    markdown.core.ruler.before("block", "bounded", bounded)
    markdown.core.ruler.at("inline", inline)
    markdown.block.ruler.before("table", "columns", _columns, {"alt": ["paragraph", "reference"]})


class _Bounded(list[Token]):
    """The tokens of blocks, limited in number and depth."""

    def __init__(self, time_limit: TimeLimit) -> None:
        super().__init__()
        self._time_limit, self._blocks, self._depth = time_limit, 0, 0

    def append(self, token: Token) -> None:
        """Add a token; a closing token counts with its opening one, and inline content with its block."""
        if self._depth > NESTING:
            raise _too_deep(self._line(), Message("{number} levels of lists, quotations and blocks at most"), NESTING)
        super().append(token)
        self._blocks += token.nesting == 1
        if token.type.replace("_close", "_open") in _CONTAINERS:
            self._depth += token.nesting
        if self._blocks > BLOCKS:
            expected = _OF_THEM.format(number=BLOCKS)
            raise TooMuch(self._line(), Message("too many paragraphs, items and cells"), expected, _SHORTER)
        if not len(self) % _LOOK:
            self._time_limit.look(self._line())

    def _line(self) -> int:
        return next((token.map[0] for token in reversed(self) if token.map), 0)


def _nested(tokens: Iterable[Token], line: int) -> None:
    depth = 0
    for token in tokens:
        depth += token.nesting
        if depth > MARKS:
            raise _too_deep(line, Message("{number} levels of bold, italic and links at most"), MARKS)


def _too_deep(line: int, expected: str, limit: int) -> TooMuch:
    return TooMuch(line, Message("one in another in another, too deep"), expected.format(number=limit))


def _paragraph(content: str, line: int) -> None:
    if len(content) > PARAGRAPH:
        found = Message("a paragraph of {number} characters", number=len(content))
        raise TooMuch(line, found, _AT_MOST.format(number=PARAGRAPH), Message("An empty line begins a new paragraph."))
    for sign in _SIGNS:
        if (number := content.count(sign)) > SIGNS:
            found = Message("{number} times {sign} in a paragraph", number=number, sign=sign)
            raise TooMuch(line, found, Message("{number} times at most", number=SIGNS))


def _columns(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: ARG001 - their signature
    """Refuse a table with too many columns before it is parsed; takes no line itself."""
    if start + 1 < end:
        line = state.src[state.bMarks[start + 1] + state.tShift[start + 1] : state.eMarks[start + 1]]
        if line.count("|") > COLUMNS and not line.strip("|-: \t"):
            found = Message("a table of {number} columns", number=line.count("|"))
            raise TooMuch(start, found, Message("{number} columns at most", number=COLUMNS))
    return False


@dataclass(slots=True)
class Weight:
    """The total size of a body's elements, each passed in reading order to :meth:`add`, which raises ``TooMuch``."""

    plain: int = 0
    looped: int = 0
    step: int = 1

    def add(self, texts: Iterable[str], within: Iterable[Tag], at: int) -> None:
        """Add one element: its texts, and the tags in them."""
        size = sum(map(len, texts))
        kinds = [tag.kind for tag in within]
        self.plain += size
        self.looped += size * (ITEMS if "for" in kinds else self.step)
        for kind in kinds:
            self.step = {"for": ITEMS, "endfor": 1}.get(kind, self.step)
        if self.plain > RESULT:
            found = Message("a letter of more than {number} characters", number=RESULT)
            hint = Message("An address or title that is used often counts each time.")
            raise TooMuch(0, found, _AT_MOST.format(number=RESULT), hint, at)
        if self.looped > LOOPED:
            found, expected = _LONG_LOOPS.format(number=self.looped), _AT_MOST.format(number=LOOPED)
            raise TooMuch(0, found, expected, Message("A loop is counted as {items} times.", items=ITEMS), at)
