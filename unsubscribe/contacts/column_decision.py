"""A first reading of a file's rows, where the heads alone do not tell the use of a column.

Promises: all cells below an empty head must be empty. A head that may mean something else means a status only where a
cell shows it. Unknown codes of one letter or digit are refused, as nobody is mailed on a guess (:mod:`.codes`). Of
several possible address columns, the one that holds addresses is used; another one is read as a permission. Rows are
read only as far as needed, and not kept.

Raises ``FaultsError``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from mailer import invisible
from mailer.errors import Fault, FaultsError
from mailer.messages import Message
from unsubscribe.contacts import codes
from unsubscribe.contacts.foreign import Status
from unsubscribe.contacts.heads import PERMISSION, SECOND_ADDRESS, Column, as_attribute, as_status, same_fault

_MOST_CODES, _MOST_ADDRESSES = 40, 1_000  # different codes that are kept; rows searched for addresses


@dataclass(slots=True)
class _Seen:
    """The cells of a column so far; ``status``: the way to read them, ``settled``: a cell showed the meaning."""

    status: Status
    rival: bool
    cells: set[str] = field(default_factory=set)
    only_codes: bool = True
    settled: bool = False
    filled: int = 0
    addresses: int = 0

    def take(self, cell: str) -> bool:
        """Take one more filled cell; return whether no more cells are needed."""
        self.filled += 1
        self.addresses += "@" in cell
        self.settled = self.settled or self._settles(cell)
        self.only_codes = self.only_codes and len(self.cells) < _MOST_CODES and codes.are_codes([cell])
        if self.only_codes:
            self.cells.add(cell)
        if self.rival:
            return self.filled >= _MOST_ADDRESSES
        return self.settled or not (self.only_codes or self.status.ambiguous)

    def _settles(self, cell: str) -> bool:
        if self.rival:
            return self.status.read(cell) not in (None, "subscribed")
        return self.status.ambiguous and self.status.settles(cell)


class ColumnDecision:
    """The uses of the columns of a file, by its rows. ``file``, ``line``: the place of its head, for a fault."""

    def __init__(self, columns: Sequence[Column], file: str, line: int) -> None:
        self._columns, self._file, self._line = list(columns), file, line
        self._nameless = [place for place, column in enumerate(columns) if not column.name]
        self._second_addresses = any(column.use == SECOND_ADDRESS for column in columns)
        self._seen = {place: seen for place, column in enumerate(columns) if (seen := self._watch(column))}

    def by_rows(self, rows: Iterator[tuple[int, list[str]]], plain: Callable[[str], str]) -> list[Column]:
        """Return the columns with their final use.

        ``rows``: lines and cells; ``plain``: returns the intended text of a cell.
        """
        if self._nameless or self._seen:
            self._read(rows, plain)
        if self._second_addresses:
            self._choose_address()
        for place, seen in self._seen.items():
            if self._columns[place].used_as == "status":
                self._columns[place] = self._decided(self._columns[place], seen)
        return self._columns

    def _watch(self, column: Column) -> _Seen | None:
        if self._second_addresses and column.used_as in ("email", SECOND_ADDRESS):
            return _Seen(PERMISSION, True)
        status = column.status
        unsure = status and (status.ambiguous or status.numbered or not status.yes_no)
        return _Seen(status, False) if status and unsure else None

    def _read(self, rows: Iterator[tuple[int, list[str]]], plain: Callable[[str], str]) -> None:
        waiting = set(self._seen)
        for line, cells in rows:
            for place in self._nameless:
                if place < len(cells) and invisible.strip(cells[place]):
                    self._refuse_nameless(place, line, cells[place])
            for place in [place for place in waiting if place < len(cells)]:
                cell = invisible.strip(plain(cells[place]))
                if cell and self._seen[place].take(cell):
                    waiting.discard(place)
            if not self._nameless and not waiting:
                break

    def _choose_address(self) -> None:
        """Use the column that holds addresses as the address, and other columns of that name as a permission."""
        places = [place for place, seen in self._seen.items() if seen.rival]
        holding = [place for place in places if self._seen[place].addresses]
        named = [place for place in places if self._columns[place].head == "email"]
        if len(holding) == 1:
            address = holding[0]
        elif named:
            address = named[0]
        else:
            raise FaultsError([same_fault([self._columns[place].head for place in places], self._file, self._line)])
        for place in places:
            column = self._columns[place]
            self._columns[place] = Column("email", False, "email", column.head) if place == address else column
            if place != address:
                self._columns[place] = as_status(column, PERMISSION)

    def _decided(self, column: Column, seen: _Seen) -> Column:
        """Return a status column if its cells or known codes show that; an attribute if it is about something else."""
        if seen.settled or (seen.status.ambiguous and not seen.filled):
            return column if seen.settled else as_attribute(column)
        if not seen.only_codes or seen.status.words:
            return as_attribute(column) if seen.status.ambiguous else column
        known = codes.alphabet(seen.cells, said=not seen.status.ambiguous)
        if known:
            return as_status(column, replace(seen.status, words=known))
        if seen.rival and len(seen.cells) == 1:
            return as_attribute(column)
        if seen.status.ambiguous:
            raise FaultsError([self._unknown(column, seen)])
        return column

    def _unknown(self, column: Column, seen: _Seen) -> Fault:
        shown = ", ".join(sorted(seen.cells)[:10])
        found = Message("{codes} in the column {head}: codes that may say who gets mail, or something else")
        hint = Message(
            "If it says something else: --column {head}=attribute. "
            "If it says who gets mail: write subscribed or unsubscribed there, or --column {head}=status"
        )
        return Fault(
            self._file,
            self._line,
            "columns",
            found.format(codes=shown, head=repr(column.head)),
            Message("words that say who gets mail"),
            hint.format(head=column.head),
        )

    def _refuse_nameless(self, place: int, line: int, cell: str) -> None:
        found = Message("a column without a name, and in line {line} {value} below it")
        shown = repr(cell.strip()[:40])
        expected = Message("a name for each column in which something stands")
        what = f"column {place + 1}"
        raise FaultsError([Fault(self._file, self._line, what, found.format(line=line, value=shown), expected)])
