"""Fast composition of a mailing's letters: one flat list of pieces for a whole message, copied, filled and joined.

Complements :meth:`mailer.letter.compose.Composer.message`, which is the specification and the slow path. Promises: the
same bytes for the same values and stamp, for any template, values, name and address (tests/properties/test_flat.py). It
raises where the slow path raises; the slow path determines the error.

Applies to a mailing whose :class:`LetterLinks` begin addresses that a token ends. :func:`flatten` gives None where the
slow path refuses every letter, for its Message-ID or its List-Unsubscribe, and for more than ``MOST_HOLES`` values: the
slow path counts their bytes while they are filled (E32). The parts that depend on the mailing alone are made there,
once: the constants, *read online*, and the text before and after a token. The other parts of a template are filled by
the functions of :mod:`mailer.letter.personalise`; those that name a link get the finished ones. A letter with an
opt-out address by mail (``mailto:``) is one for the slow path.

Success does not mean that the tokens are genuine: they are written as they are given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from mailer.errors import InputError
from mailer.letter.compiled import Branch, CompiledTemplate, EscapeContext, LetterLinks, Loop, Numbered, Slot, Values
from mailer.letter.compose import Composer, message_id, recipient, unsubscribe
from mailer.letter.evaluate import names_used
from mailer.letter.expression_tree import Name
from mailer.letter.expressions import parse
from mailer.letter.personalise import MOST_BYTES, Fill, Part, prepare_parts, too_large
from mailer.signing import TEXT_SIZE

MOST_HOLES = 200
_SAMPLE = "A" * TEXT_SIZE
_PROBES = (_SAMPLE, "-_" * 18, "z0" * 18, "From-0_the-Quick-Brown-Fox-9_Jumps--")
_START = re.compile(r"https?://[a-z0-9.:-]+/(?:[A-Za-z0-9_.~/@:+-]*/)?")
_AROUND_TOKENS = frozenset(
    {
        EscapeContext.HTML,
        EscapeContext.ATTRIBUTE,
        EscapeContext.URL,
        EscapeContext.LINK,
        EscapeContext.PLAIN,
        EscapeContext.PART,
    }
)
_TO = re.compile(
    r"(?:[A-Za-z0-9!#$%&'*+/^_`{|}~-]+ )+<"
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[a-z0-9.-]{4,}>"
)
_TO_LINE = 76 - len("To: ")


def flatten(composer: Composer, links: LetterLinks, host: str) -> FastComposer | None:
    """Return the fast path for a mailing; ``host`` is the text after the token in a Message-ID.

    The module docstring says when the result is ``None``.
    """
    try:
        message_id(_SAMPLE + host)
        if composer.letter.list_unsubscribe:
            unsubscribe(links.optout + _SAMPLE)
    except InputError:
        return None
    flat = FastComposer(composer, links, host)
    return flat if flat.holes <= MOST_HOLES else None


class FastComposer:
    """The fast path for one mailing, made by :func:`flatten`. Several threads may use it at once."""

    def __init__(self, composer: Composer, links: LetterLinks, host: str) -> None:
        self._composer, self._links = composer, links
        self._piece_list = piece_list = _PieceList(links)
        for piece in composer.outline():
            match piece:
                case bytes():
                    piece_list.constant(piece)
                case tuple():
                    piece_list.add_template(piece, composer.letter.language)
                case "to":
                    to = piece_list.hole()
                case "subject":
                    piece_list.subject(composer)
                case "date":
                    self._date_at = piece_list.mark()
                case "message_id":
                    piece_list.token("message_id", b"", host.encode("ascii"))
                case "unsubscribe":
                    line = unsubscribe(links.optout + _SAMPLE)
                    end = line.index(b">\r\n")
                    piece_list.token("optout", line[: end - TEXT_SIZE], line[end:])
        self.holes = sum(len(places) for _, places in piece_list.fills)
        once = [(places[0], fill) for fill, places in piece_list.fills]
        again = [(place, places[0]) for _, places in piece_list.fills for place in places[1:]]
        (self._message_id,) = piece_list.tokens["message_id"]
        self._places = to, piece_list.tokens["optout"], piece_list.tokens["details"], once, again
        self._dated: tuple[datetime | None, list[bytes]] = (None, [])

    def message(self, name: str, address: str, at: datetime, values: Values, tokens: bytes) -> bytes:
        """Return the message for one contact; ``tokens`` are those of :func:`mailer.signing.letter_sealer`."""
        to, optouts, details, once, again = self._places
        whole = f"{name} <{address}>"
        # A name of atoms and a plain address are written unchanged if they fit on one line.
        plain = len(whole) <= _TO_LINE and _TO.fullmatch(whole)
        mailbox = whole.encode("ascii") if plain else recipient(name, address)
        known, dated = self._dated
        pieces = dated.copy() if known is at else self._date(at).copy()
        pieces[to] = mailbox
        token = tokens[:36]
        for place in optouts:
            pieces[place] = token
        token = tokens[36:72]
        for place in details:
            pieces[place] = token
        pieces[self._message_id] = tokens[72:]
        if self._piece_list.names_links:
            values = {**values, "links": finished(self._links, tokens)}
        for place, fill in once:
            pieces[place] = fill(values)
        for place, first in again:
            pieces[place] = pieces[first]
        message = b"".join(pieces)
        if len(message) > MOST_BYTES:
            raise too_large()
        return message

    def _date(self, at: datetime) -> list[bytes]:
        """Return the pieces with a Date in them.

        The pieces with the last Date are cached, since many letters are claimed at once.
        """
        dated = self._piece_list.pieces.copy()
        place, within = self._date_at
        dated[place] = dated[place][:within] + self._composer.date_of(at) + dated[place][within:]
        self._dated = at, dated
        return dated


def finished(links: LetterLinks, tokens: bytes) -> dict[str, str]:
    """Return the links of one contact, for the slow path and for the parts of a template that name them."""
    optout, details = tokens[:TEXT_SIZE].decode("ascii"), tokens[TEXT_SIZE : 2 * TEXT_SIZE].decode("ascii")
    return {"online": links.online, "details": links.details + details, "optout": links.optout + optout}


class _PieceList:
    """The pieces under construction: neighbouring constants are merged, and the places of holes are recorded."""

    def __init__(self, links: LetterLinks) -> None:
        self._starts = {"optout": links.optout, "details": links.details}
        self._same: Values = {"links": {"online": links.online}}
        self._grows = False  # whether the last piece is a constant
        self.pieces: list[bytes] = []
        self.tokens: dict[str, list[int]] = {"optout": [], "details": [], "message_id": []}
        self.fills: list[tuple[Fill, list[int]]] = []
        self.names_links = False

    def constant(self, data: bytes) -> None:
        """Add bytes that are the same in every letter."""
        if self._grows:
            self.pieces[-1] += data
        else:
            self.pieces.append(data)
            self._grows = True

    def mark(self) -> tuple[int, int]:
        """Return the position of the next constant: its piece, and the place within."""
        self.constant(b"")
        return len(self.pieces) - 1, len(self.pieces[-1])

    def hole(self) -> int:
        """Add an empty piece, to be filled later, and return its place."""
        self.pieces.append(b"")
        self._grows = False
        return len(self.pieces) - 1

    def token(self, name: str, before: bytes, after: bytes) -> None:
        """Add a hole for a token, with the text around it, which is the same in every letter."""
        self.constant(before)
        self.tokens[name].append(self.hole())
        self.constant(after)

    def subject(self, composer: Composer) -> None:
        """Add the Subject: one constant if it has no parts, else one hole, since it is folded as a whole."""
        template = composer.letter.subject
        if all(isinstance(node, str) for node in template):
            self.constant(composer.subject({}))
        else:
            self._fill(composer.subject, [self.hole()], _names(template))

    def add_template(self, template: CompiledTemplate, language: str) -> None:
        """Add the pieces of a body."""
        constants, holes = prepare_parts(template, language)
        at = {place: number for number, (_, _, places) in enumerate(holes) for place in places}
        moved: dict[int, list[int]] = {}
        for place, data in enumerate(constants):
            if place not in at:
                self.constant(data)
                continue
            part, fill, _ = holes[at[place]]
            if not self._known(part, fill):
                moved.setdefault(at[place], []).append(self.hole())
        for number, places in sorted(moved.items()):
            part, fill, _ = holes[number]
            self._fill(fill, places, _names((part,)))

    def _fill(self, fill: Fill, places: list[int], names: set[str]) -> None:
        self.fills.append((fill, places))
        self.names_links |= any(name.startswith("links.") for name in names)

    def _known(self, part: Part, fill: Fill) -> bool:
        """Write a slot of a link as constants, around a token if it has one; return False for any other part."""
        if not isinstance(part, Slot):
            return False
        if names_used(part.source) <= {"links.online"}:
            self.constant(fill(self._same))
            return True
        match parse(part.source, None):
            case Name("links", ("optout" | "details") as name) if part.place in _AROUND_TOKENS:
                around = _around(fill, name, self._starts[name])
                if around:
                    self.token(name, *around)
                return bool(around)
        return False


def _around(fill: Fill, name: str, start: str) -> tuple[bytes, bytes] | None:
    """Return the text before and after the token in a slot that is one link; None if the link is not there whole.

    In the path of a plain web address all characters of a token are encoded alike, at every place of a letter. The
    probes verify that.
    """
    if not _START.fullmatch(start):
        return None
    found: set[tuple[bytes, bytes]] = set()
    for probe in _PROBES:
        before, there, after = fill({"links": {name: start + probe}}).rpartition(probe.encode("ascii"))
        if not there:
            return None
        found.add((before, after))
    return found.pop() if len(found) == 1 else None


def _names(template: Sequence[str | Part]) -> set[str]:
    """Return every name in a template, dotted."""
    found: set[str] = set()
    for node in template:
        match node:
            case Slot(source):
                found |= names_used(source)
            case Branch(arms, otherwise):
                found |= _names(otherwise)
                for when, body in arms:
                    found |= names_used(when) | _names(body)
            case Loop(_, over, body, between):
                found |= names_used(over) | _names(body) | _names(between)
            case Numbered(_, body):
                found |= _names(body)
    return found
