"""The first line of a CSV file: the use of each column (:mod:`.foreign` has the words), and the faults in it.

Promises: *email*, *name* and *language* always have that meaning, whatever the other columns are. A head that is known
in nl, en, de or fr, or from another program's export, is used by its meaning. Any other column is an attribute by its
own name. :attr:`Column.told` gives the use of a column; the caller may set another use (``as_said``: head to use).

Raises ``FaultsError`` for a line without an address column, with one column twice, or with a name that cannot be used.
Raises ``InputError`` for an invalid use.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mailer import invisible, similar
from mailer.errors import Fault, FaultsError, InputError
from mailer.messages import Message
from unsubscribe.contacts import foreign, guessed_heads, programs
from unsubscribe.contacts.cells import holds_address
from unsubscribe.contacts.foreign import Status

CORE = ("email", "name", "language")
USES = ("attribute", "email", "name", "first", "infix", "last", "language", "salutation", "status", "date", "none")
OPTED_OUT = "opted_out_topics"  # column of our own export: the topics that were left
HELD_BACK, SINCE, UNTIL = "held_back", "held_back_since", "held_back_until"  # why for all mail, and when
EVERY_DAYS = "at_most_every_days"  # less often: one letter in this number of days
_OURS: Mapping[str, str] = {
    OPTED_OUT: "topics",
    HELD_BACK: "status",
    SINCE: "none",
    UNTIL: "until",
    EVERY_DAYS: "days",
}
_HELD = Status(empty="subscribed", words={"optout": "blocked", "pause": "subscribed", "lessoften": "subscribed"})
SECOND_ADDRESS = "rival"  # a use that the rows decide: a second column with the name of the address column (Dynamics)
PERMISSION = Status(date="subscribed", ambiguous=True, vague=True)  # cells such as Toestaan, Niet toestaan
_UNNAMED = ("none", "status", "date", "topics", "until", "days")  # uses that make no attribute
_MOST_FAULTS, _SHOWN = 20, 60  # faults of a head; characters of a name in a fault
_RENAME = Message("Rename one of them, or say which one counts: --column HEAD=attribute")
_NAME = re.compile(r"[^\W\d]\w{0,63}")
_ALMOST = {"adres", "address", "adresse", "contact"}
_STATUS = Status(numbered=True, empty="subscribed")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file: its name as an attribute, whether it is a list (``name[]``), its head, and its use.

    ``use``: one of :data:`USES`, or *attributes* (JSON), *topics*, *until*, *days*; empty: by the name.
    """

    name: str
    is_list: bool = False
    use: str = ""
    head: str = ""
    status: Status | None = None

    @property
    def used_as(self) -> str:
        """Return the use of the column, also where the caller did not set one."""
        return self.use or (self.name if self.name in CORE else "attribute")

    @property
    def told(self) -> str:
        """Return the use in words for a program: *address*, *name*, *part of the name*, *attribute NAME*, and so on."""
        words = {"email": "address", "none": "left out", "first": "part of the name", "attributes": "attributes"}
        words |= {"infix": "part of the name", "last": "part of the name", "date": "date of subscribing"}
        words |= {"topics": "status", "until": "status", "days": "status"}
        return words.get(self.used_as, f"attribute {self.name}" if self.used_as == "attribute" else self.used_as)


def read_heads(
    header: Sequence[str], file: str, line: int, as_said: Mapping[str, str] | None = None
) -> tuple[list[Column], str]:
    """Return the columns, and the program that made the file (empty: not known); ``header``: its plain cells."""
    heads = [invisible.remove(cell).strip("\"'„“”«» ") for cell in header]
    if any(holds_address(head) for head in heads):
        raise FaultsError([_no_head(heads, file, line)])
    said = _said(heads, as_said or {})
    program = programs.made_by(heads)
    has_address = any(head == "email" for head in heads) or "email" in said.values()
    columns = [_column(head, said.get(head, ""), program, has_address) for head in heads]
    columns = _second_addresses(_one_name(columns), said)
    faults = [
        Fault(file, line, f"column {place}", *what)
        for place, column in enumerate(columns, 1)
        for what in _name_faults(column)
    ]
    faults += list(_twice(columns, file, line))
    if not any(column.used_as == "email" for column in columns):
        faults = [_no_email(heads, file, line), *faults]
    if faults:
        raise FaultsError(faults[:_MOST_FAULTS])
    return columns, program.name if program else ""


def as_attribute(column: Column) -> Column:
    """Return the column as an attribute by its own name."""
    return replace(column, use="attribute", status=None)


def as_status(column: Column, status: Status) -> Column:
    """Return the column as one that tells which contacts get mail."""
    return replace(column, use="status", status=status)


def _second_addresses(columns: list[Column], said: Mapping[str, str]) -> list[Column]:
    """Mark all but the first possible address column for a decision by the rows; none where the caller chose one."""
    if "email" in said.values():
        return [as_status(column, PERMISSION) if column.use == SECOND_ADDRESS else column for column in columns]
    places = [place for place, column in enumerate(columns) if column.used_as == "email"]
    found = list(columns)
    for place in places[1:]:
        head = columns[place].head
        if head not in (columns[places[0]].head, "email"):
            found[place] = Column(_own_name(head), False, SECOND_ADDRESS, head)
    return found


def _own_name(head: str) -> str:
    return re.sub(r"\W+", "_", head).strip("_")


def _said(heads: Sequence[str], as_said: Mapping[str, str]) -> dict[str, str]:
    """Return the uses that the caller set, by the head as written in the file."""
    known = {foreign.key(head): head for head in heads} | {head: head for head in heads}
    found: dict[str, str] = {}
    for head, use in as_said.items():
        there = known.get(head) or known.get(foreign.key(head))
        if there is None:
            shown = ", ".join(_shown(item) for item in heads[:_MOST_FAULTS])
            raise InputError(
                Message("--column {head}: the file has no such column, but {columns}", head=head, columns=shown)
            )
        if use not in USES:
            raise InputError(
                Message("--column {head}={use}: expected one of {words}", head=head, use=use, words=", ".join(USES))
            )
        found[there] = use
    return found


def _column(head: str, use: str, program: programs.Program | None, has_address: bool) -> Column:
    is_list = head.endswith("[]")
    bare = head.removesuffix("[]").strip()
    name = re.sub(r"[\s-]+", "_", bare)
    if use:
        return _used(Column(name, is_list, use, head))
    if head in CORE:
        return Column(head, False, "", head)
    if bare in _OURS:
        return Column(name, is_list, _OURS[bare], head, _HELD if bare == HELD_BACK else None)
    if is_list or not head:
        return Column(name, is_list, "" if bare else "none", head)
    status = foreign.status_of(head)
    if status:
        return Column(name, False, "status", head, status)
    if program and foreign.key(head) in program.own:
        return Column(name, False, "none", head)
    found = foreign.use_of(head)
    guessed = guessed_heads.guess(head) if found is None else None
    if guessed:
        return Column(name, False, "status", head, guessed)
    if found == "email" and has_address:
        return Column(_own_name(head), False, SECOND_ADDRESS, head)
    if found is None:
        own = "attributes" if program and program.name == "listmonk" and name == "attributes" else "attribute"
        return Column(name, False, own, head)
    return _used(Column(name, False, found, head))


def _used(column: Column) -> Column:
    if column.use in (*CORE, "salutation"):
        name, use = column.use, "attribute" if column.use == "salutation" else column.use
        return Column(name, column.is_list, use, column.head)
    if column.use == "status":
        known = foreign.status_of(column.head) or guessed_heads.guess(column.head) or _STATUS
        return replace(column, status=replace(known, ambiguous=False))
    return column


def _one_name(columns: list[Column]) -> list[Column]:
    """Make other words for *name* or *language*, and parts of a name, attributes where the word itself is a head."""
    heads = {column.head for column in columns}
    found = []
    for column in columns:
        again = column.name in ("name", "language") and column.head != column.name and column.name in heads
        own = Column(re.sub(r"[\s-]+", "_", column.head), False, "attribute", column.head)
        found.append(own if again else column)
    if any(column.used_as == "name" for column in found):
        return [as_attribute(column) if column.use in ("first", "infix", "last") else column for column in found]
    return found


def _name_faults(column: Column) -> Iterator[tuple[str, str, str]]:
    """Yield found, expected, hint; a column without a name is a fault only if a cell below it is filled (``Sheet``)."""
    name = column.name
    if name and column.used_as not in _UNNAMED and not _NAME.fullmatch(name):
        yield (
            _shown(column.head),
            Message("a name of letters, digits and _"),
            Message("Contact tags call it by this name"),
        )
    elif column.is_list and name in CORE:
        yield _shown(column.head), f"'{name}'", Message("this column has one value for each person")


def _twice(columns: Sequence[Column], file: str, line: int) -> Iterator[Fault]:
    """Yield a fault for columns of one name: the same head, another case or blanks, two words for one thing."""
    named = [column for column in columns if column.name and column.use not in _UNNAMED]
    times = Counter(column.name.casefold() for column in named)
    times += Counter(column.head for column in columns if column.use in ("status", "date") and column.head)
    for name in sorted(name for name, count in times.items() if count > 1):
        heads = [column.head for column in columns if name in (column.name.casefold(), column.head)]
        places = [str(place) for place, column in enumerate(columns, 1) if column.head in heads]
        if len(set(heads)) == 1:
            found = Message("the column more than once: {places}", places=", ".join(places))
        else:
            yield same_fault(heads, file, line, name)
            continue
        yield Fault(file, line, name, found, Message("each column once"), _RENAME)


def same_fault(heads: Sequence[str], file: str, line: int, name: str = "email") -> Fault:
    """Return the fault of several columns with the same meaning."""
    words = Message("columns that are one and the same, more than once: {heads}")
    return Fault(
        file, line, name, words.format(heads=", ".join(map(_shown, heads))), Message("each column once"), _RENAME
    )


def _shown(cell: str) -> str:
    text = cell.strip()
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def _no_head(heads: Sequence[str], file: str, line: int) -> Fault:
    address = next(head for head in heads if holds_address(head))
    return Fault(
        file,
        line,
        "columns",
        Message("a person in the first line ({address})", address=_shown(address)),
        Message("a first line with the names of the columns"),
        Message("Add a line above it, such as: email,name,language"),
    )


def _no_email(header: Sequence[str], file: str, line: int) -> Fault:
    shown = ", ".join([*map(_shown, header[:_MOST_FAULTS]), *(["…"] if len(header) > _MOST_FAULTS else [])])
    plain_names = {foreign.key(cell[:_SHOWN]): cell for cell in header}
    close = [cell for word, cell in plain_names.items() if word in _ALMOST]
    close = close or [plain_names[word] for word in similar.nearest("email", plain_names, 0.7)]
    hint = Message("did you mean {name}? Call that column email", name=_shown(close[0])) if close else ""
    return Fault(
        file,
        line,
        "email",
        Message("no such column, but {columns}", columns=shown),
        Message("a column email"),
        hint,
    )
